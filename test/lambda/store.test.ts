import { makeMemoryStore } from '../fakes/memory-store.ts'
import { testStore } from './store-suite.ts'

testStore('store in memory', async () => makeMemoryStore())
