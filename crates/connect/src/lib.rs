//! Speaks HTTP to the apps as their manifests say, and reads source files.
