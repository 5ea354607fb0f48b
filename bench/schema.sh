#!/bin/sh
exec "$NODE" bench/schema.mjs
