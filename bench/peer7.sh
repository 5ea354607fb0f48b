#!/bin/sh
exec "$NODE" bench/peer7.mjs
