import { render } from 'preact'
import { Shell } from './shell.tsx'
import { takeToken } from './token.ts'

takeToken()
const place = document.getElementById('app')
if (place) render(<Shell />, place)
