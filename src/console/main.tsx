// The page of the console begins here.

import { render } from 'preact'
import { App, begin } from './shell/app.tsx'

const place = document.getElementById('console')
if (place !== null) render(<App beginning={begin()} />, place)
