import type { Command } from '../../engine/spec/command.ts'
import { auth } from './auth.ts'
import { client } from './client.ts'
import { clientCapa } from './client-capa.ts'
import { clientHelp } from './client-help.ts'
import { clientId } from './client-id.ts'
import { clientKill } from './client-kill.ts'
import { clientInfo, clientList } from './client-list.ts'
import { clientMaintNotifications } from './client-maint-notifications.ts'
import { clientGetname, clientSetinfo, clientSetname } from './client-name.ts'
import { clientNoEvict, clientNoTouch } from './client-no.ts'
import { clientPause, clientUnpause } from './client-pause.ts'
import { clientRelayed } from './client-relayed.ts'
import { clientReply } from './client-reply.ts'
import { clientCaching, clientGetredir, clientTracking, clientTrackinginfo } from './client-tracking.ts'
import { clientUnblock } from './client-unblock.ts'
import { echo } from './echo.ts'
import { hello } from './hello.ts'
import { ping } from './ping.ts'
import { quit } from './quit.ts'
import { reset } from './reset.ts'
import { select } from './select.ts'

export const connectionCommands: readonly Command[] = [
  ping,
  echo,
  auth,
  hello,
  select,
  quit,
  reset,
  client,
  clientId,
  clientInfo,
  clientList,
  clientGetname,
  clientSetname,
  clientSetinfo,
  clientKill,
  clientReply,
  clientPause,
  clientUnpause,
  clientUnblock,
  clientNoEvict,
  clientNoTouch,
  clientTracking,
  clientCaching,
  clientGetredir,
  clientTrackinginfo,
  clientCapa,
  clientMaintNotifications,
  clientRelayed,
  clientHelp,
]
