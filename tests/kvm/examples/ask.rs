//! Puts a script of the bench to this machine's kernel: `cargo run -p kvm-differential --example ask -- [--host] FILE`.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use apic_core::bench::{World, script};
    use kvm_differential::{
        host::Host,
        kernel::{Kernel, Route},
    };

    let mut route = Route::Guest;
    let mut text = None;
    for word in std::env::args().skip(1) {
        if word == "--host" {
            route = Route::Host;
        } else {
            text = Some(std::fs::read_to_string(word)?);
        }
    }
    let text = text.ok_or("which script?")?;
    let host = Host::open().map_err(|skip| skip.to_string())?;
    let mut kernel = Kernel::new(&host, route, None)?;
    for (line, command) in script::read(&text)? {
        match kernel.obey(command)? {
            apic_core::bench::Outcome::Answer(answer) => println!("{line}: {answer}"),
            apic_core::bench::Outcome::Fault => println!("{line}: #GP"),
            apic_core::bench::Outcome::Done => {}
        }
    }
    Ok(())
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}
