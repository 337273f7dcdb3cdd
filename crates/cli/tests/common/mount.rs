//! Disks for tests: small ones, full ones, ones that cannot be written. Where the user may not mount, a test starts itself again in a
//! user namespace of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Set for a test that runs in a namespace already.
const INSIDE: &str = "TEST_IN_A_NAMESPACE";

/// A tmpfs of so many bytes, gone with its value.
pub struct Disk {
    at: PathBuf,
}

impl Disk {
    /// At this place, which holds afterwards what it held before.
    pub fn at(at: PathBuf, bytes: u64) -> Self {
        let aside = at.with_extension("aside");
        let moved = fs::rename(&at, &aside).is_ok();
        fs::create_dir_all(&at).unwrap();
        let disk = Self { at };
        mount(&["-t", "tmpfs", "-o", &format!("size={bytes},mode=0700"), "greenlane-test", disk.at.to_str().unwrap()]).unwrap();
        if moved {
            let all = format!("{}/.", aside.display());
            assert!(Command::new("cp").args(["-a", &all]).arg(&disk.at).status().unwrap().success());
            fs::remove_dir_all(&aside).unwrap();
        }
        disk
    }

    /// Takes all that is free, but this many bytes. Others may write there at the same time: then it looks again.
    pub fn fill(&self, left: usize) {
        let ballast = self.at.join("ballast");
        loop {
            let free = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.at).output().unwrap();
            let free: usize = String::from_utf8(free.stdout).unwrap().lines().last().unwrap().trim().parse().unwrap();
            match fs::write(&ballast, vec![b'x'; free.saturating_sub(left)]) {
                Err(e) if e.kind() == std::io::ErrorKind::StorageFull => fs::remove_file(&ballast).unwrap(),
                written => return written.unwrap(),
            }
        }
    }

    /// Gives back what was taken.
    pub fn make_space(&self) {
        fs::remove_file(self.at.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever a failed test left there does not keep it.
        drop(Command::new("umount").arg("-l").arg(&self.at).status());
    }
}

fn mount(args: &[&str]) -> Result<(), String> {
    let output = Command::new("mount").args(args).output().map_err(|e| e.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// A directory in which nothing can be written, not even by root, until this is dropped.
pub struct ReadOnly {
    at: PathBuf,
}

impl ReadOnly {
    pub fn at(at: PathBuf) -> Self {
        let place = at.to_str().unwrap();
        mount(&["--bind", place, place]).unwrap();
        let read_only = Self { at: at.clone() };
        mount(&["-o", "remount,ro,bind", place]).unwrap();
        read_only
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.at).status());
    }
}

/// Runs the test, named as in its program, where it may mount: here, else in a namespace; left out, with the reason, where neither is permitted.
pub fn where_one_may_mount(name: &str, test: impl FnOnce()) {
    let probe = tempfile::tempdir().unwrap();
    let place = probe.path().to_str().unwrap();
    let Err(why) = mount(&["-t", "tmpfs", "-o", "size=4096", "greenlane-test", place]) else {
        assert!(Command::new("umount").arg(place).status().unwrap().success());
        return test();
    };
    assert!(std::env::var_os(INSIDE).is_none(), "not even in a namespace: {why}");
    let namespace = Command::new("unshare").args(["-rm", "true"]).output();
    if !namespace.is_ok_and(|o| o.status.success()) {
        println!("skipped: nothing can be mounted here, nor in a namespace of its own: {why}");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let again = Command::new("unshare").arg("-rm").arg(this).args(["--exact", name]).env(INSIDE, "1").output();
    let again = again.unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&again.stderr));
}
