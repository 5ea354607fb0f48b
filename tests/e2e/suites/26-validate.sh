#!/bin/sh
# What `nicol validate` shows a person who made a typical mistake.
exec "${NODE:-node}" tests/e2e/validate.mjs
