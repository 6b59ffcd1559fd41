import type { Command } from '../../engine/spec/command.ts'
import { channel } from './channel.ts'
import { channelAck } from './channel-ack.ts'
import { channelCancel } from './channel-cancel.ts'
import { channelForget } from './channel-forget.ts'
import { channelHelp } from './channel-help.ts'
import { channelHistory } from './channel-history.ts'
import { channelInfo } from './channel-info.ts'
import { channelList } from './channel-list.ts'
import { channelPending } from './channel-pending.ts'
import { channelSeek } from './channel-seek.ts'
import { channelLag, channelSubscribers } from './channel-subscribers.ts'
import { channelTrim } from './channel-trim.ts'

export const channelCommands: readonly Command[] = [
  channel,
  channelList,
  channelInfo,
  channelHistory,
  channelSubscribers,
  channelLag,
  channelAck,
  channelSeek,
  channelForget,
  channelTrim,
  channelPending,
  channelCancel,
  channelHelp,
]
