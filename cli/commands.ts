/** All commands, in the order of the help. A new command is one file and one line here. */
import { cancelCommand } from './cancel.ts'
import type { Command } from './command.ts'
import { logsCommand } from './logs.ts'
import { pauseCommand, resumeCommand } from './pause.ts'
import { runCommand } from './run.ts'
import { runsCommand } from './runs.ts'
import { showCommand } from './show.ts'

export const COMMANDS: Command[] = [runCommand, runsCommand, showCommand, logsCommand, cancelCommand, pauseCommand, resumeCommand]
