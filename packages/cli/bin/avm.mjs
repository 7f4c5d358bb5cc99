#!/usr/bin/env node
// The command as npm installs it.
import "../dist/main.js"
