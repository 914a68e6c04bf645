# The camera on the display, then in a window on a compositor: demo.sh SECONDS DIRECTORY. The pictures go to DIRECTORY.
# The window is smaller: an emulated processor has to draw it.
seconds=$1 pictures=$2 window=640x360

echo "On the display of the card:"
dmaheap-demo view --output kms --size 1280x720 --seconds "$seconds" --snapshot "$pictures/kms.png"

XDG_RUNTIME_DIR=$(mktemp -d)
export XDG_RUNTIME_DIR WAYLAND_DISPLAY=wayland-demo
log=$XDG_RUNTIME_DIR/log
# The kiosk shell gives the window the whole output; --debug lets the screenshooter in. Without a GPU, Weston asks for
# frames faster than the threads of llvmpipe draw them, and stands still once they are far enough behind, whichever sink
# shows them. Without such threads it draws a frame before it asks for the next one.
LP_NUM_THREADS=0 weston --no-config --backend=headless --renderer=gl --shell=kiosk-shell.so --idle-time=0 --debug \
    --width=${window%x*} --height=${window#*x} --socket=$WAYLAND_DISPLAY > "$log" 2>&1 &
compositor=$!
trap 'kill $compositor; wait' EXIT
runs() { kill -0 $compositor 2> "$log.kill" || { cat "$log"; exit 1; }; }
screenshot() {
    runs
    rm -f "$XDG_RUNTIME_DIR"/*.png
    XDG_PICTURES_DIR=$XDG_RUNTIME_DIR weston-screenshooter
    mv "$XDG_RUNTIME_DIR"/*.png "$1"
}
# Globals come when the compositor's main loop runs.
until wayland-info > "$log.globals" 2>&1; do
    runs
    sleep 0.1
done
screenshot /tmp/bare

echo "In a window, because WAYLAND_DISPLAY is set:"
dmaheap-demo view --size $window --seconds "$seconds" &
view=$!
screenshot /tmp/shown
while cmp -s /tmp/bare /tmp/shown && kill -0 $view; do screenshot /tmp/shown; done
wait $view
cp /tmp/shown "$pictures/wayland.png"
