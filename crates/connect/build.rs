//! Tells cargo that the built-in apps are part of the program, so that a changed manifest is built in.
//! It generates nothing and reads nothing.

fn main() {
    println!("cargo:rerun-if-changed=../../apps");
}
