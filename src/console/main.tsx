// The page of the console begins here.

import { render } from 'preact'
import { App } from './shell/app.tsx'

const place = document.getElementById('console')
if (place !== null) render(<App />, place)
