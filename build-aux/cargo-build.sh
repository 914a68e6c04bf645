#!/bin/sh
# cargo-build.sh CARGO PROFILE SOURCE TARGET_DIR PLUGIN DEMO
#
# Builds the plugin and the demo app with cargo and puts them where meson expects its outputs.
set -eu
cargo=$1 profile=$2 source=$3 target=$4 plugin=$5 demo=$6

"$cargo" build --locked --profile "$profile" \
    --manifest-path "$source/Cargo.toml" --target-dir "$target" \
    --package gst-plugin-dmaheap --package dmaheap-demo

case $profile in
dev) built=$target/debug ;;
*) built=$target/$profile ;;
esac
cp "$built/libgstdmaheap.so" "$plugin"
cp "$built/dmaheap-demo" "$demo"
