import type { Command } from '../../engine/command.ts'
import { channel } from './channel.ts'
import { channelCancel } from './channel-cancel.ts'
import { channelHelp } from './channel-help.ts'
import { channelPending } from './channel-pending.ts'

export const channelCommands: readonly Command[] = [channel, channelPending, channelCancel, channelHelp]
