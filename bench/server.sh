#!/bin/sh
exec "$NODE" bench/server.mjs
