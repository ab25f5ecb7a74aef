//! Tells the linker that Node itself will bring the symbols of Node-API.

fn main() {
    napi_build::setup();
}
