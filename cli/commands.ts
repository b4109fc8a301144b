/** All commands, in the order of the help. A new command is one file and one line here. */
import { artifactsCommand } from './artifacts.ts'
import { auditCommand } from './audit.ts'
import { backfillCommand } from './backfill.ts'
import { cancelCommand } from './cancel.ts'
import type { Command } from './command.ts'
import { configDiffCommand, configHistoryCommand } from './config.ts'
import { costCommand } from './cost.ts'
import { deployCommand, destroyCommand, diffCommand } from './deploy.ts'
import { docsCommand } from './docs.ts'
import { historyCommand, historyRebuildCommand } from './history.ts'
import { initCommand } from './init.ts'
import { localDownCommand, localResetCommand, localStatusCommand, localUpCommand } from './local.ts'
import { logsCommand } from './logs.ts'
import { nextCommand } from './next.ts'
import { notifyCommand } from './notify.ts'
import { pauseCommand, resumeCommand } from './pause.ts'
import { rerunCommand } from './rerun.ts'
import { retryCommand } from './retry.ts'
import { runCommand } from './run.ts'
import { runsCommand } from './runs.ts'
import { showCommand } from './show.ts'
import { sqlCommand } from './sql.ts'
import { statusCommand } from './status.ts'
import { uiCommand } from './ui.ts'
import { validateCommand } from './validate.ts'

export const COMMANDS: Command[] = [
  initCommand,
  validateCommand,
  nextCommand,
  costCommand,
  deployCommand,
  diffCommand,
  configHistoryCommand,
  configDiffCommand,
  destroyCommand,
  localUpCommand,
  localDownCommand,
  localStatusCommand,
  localResetCommand,
  statusCommand,
  runCommand,
  runsCommand,
  showCommand,
  logsCommand,
  cancelCommand,
  retryCommand,
  rerunCommand,
  backfillCommand,
  pauseCommand,
  resumeCommand,
  notifyCommand,
  auditCommand,
  historyCommand,
  historyRebuildCommand,
  artifactsCommand,
  docsCommand,
  uiCommand,
  sqlCommand,
]
