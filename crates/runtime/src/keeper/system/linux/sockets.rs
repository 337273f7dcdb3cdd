//! Bytes on the TCP connections of a tree, from the kernel's own counters (sock_diag(7), `tcp_info`): what tells an agent that waits for a
//! long answer of its model from one that hangs. Keep-alive probes and retransmissions carry no new bytes and do not count.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

use super::super::{Connections, Process};
use super::tree::descendants;

// linux/sock_diag.h, linux/inet_diag.h, linux/netlink.h, linux/tcp.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;
const HEADER_LEN: usize = 16;
const REQUEST_LEN: usize = 56;
const MESSAGE_LEN: usize = 72;
const MESSAGE_INODE: usize = 68;
const IPPROTO_TCP: u8 = 6;
const INET_DIAG_INFO: u16 = 2;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// `TCP_ESTABLISHED`, `TCP_FIN_WAIT1`, `TCP_FIN_WAIT2`, `TCP_CLOSE_WAIT`.
const STATES: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 8;
/// Offsets of `tcpi_bytes_acked` and `tcpi_bytes_received` in `tcp_info`, there since Linux 4.1.
const BYTES_ACKED: usize = 120;
const BYTES_RECEIVED: usize = 128;
const RECEIVE_BYTES: usize = 32 * 1024;
const RECEIVES_MAX: u32 = 10_000;

/// Bytes sent and received on each TCP connection of the tree. Where the kernel does not tell (built without `INET_DIAG`), everything that
/// each process has read and written: ending an agent that works is worse than leaving one that hangs to its wall-clock limit.
pub(in crate::keeper) fn connections(agent: rustix::process::Pid) -> Option<Connections> {
    let processes = descendants(agent);
    let inodes = socket_inodes(&processes);
    if inodes.is_empty() {
        return Some(Connections::new());
    }
    let mut found = Connections::new();
    match [AF_INET, AF_INET6].into_iter().try_for_each(|family| dump(family, &inodes, &mut found)) {
        Ok(()) => Some(found),
        Err(_) => Some(processes.iter().filter_map(read_and_written).collect()),
    }
}

fn socket_inodes(processes: &[Process]) -> BTreeSet<u64> {
    let mut inodes = BTreeSet::new();
    for process in processes {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{}/fd", process.pid)) else { continue };
        for target in descriptors.filter_map(|d| fs::read_link(d.ok()?.path()).ok()) {
            let inode = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok());
            inodes.extend(inode);
        }
    }
    inodes
}

fn read_and_written(process: &Process) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{}/io", process.pid)).ok()?;
    let value = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<u64>().ok());
    Some((u64::try_from(process.pid.as_raw_nonzero().get()).ok()?, value("rchar:")? + value("wchar:")?))
}

/// Adds the connections of this family that are among the inodes.
fn dump(family: u8, inodes: &BTreeSet<u64>, found: &mut Connections) -> io::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
    send(&socket, &request(family), SendFlags::empty())?;
    let mut buffer = vec![0; RECEIVE_BYTES];
    for _ in 0..RECEIVES_MAX {
        // The kernel has answered by the time that `send` returns, and goes on with each `recv`: nothing to wait for.
        let (_, n) = recv(&socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT)?;
        let mut rest = &buffer[..n];
        while let Some((kind, body, next)) = message(rest) {
            match kind {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => return Err(io::Error::other("sock_diag refused")),
                _ => found.extend(connection(body).filter(|(inode, _)| inodes.contains(inode))),
            }
            rest = next;
        }
    }
    Err(io::Error::other("sock_diag does not end"))
}

fn request(family: u8) -> [u8; HEADER_LEN + REQUEST_LEN] {
    let mut bytes = [0; HEADER_LEN + REQUEST_LEN];
    bytes[0..4].copy_from_slice(&((HEADER_LEN + REQUEST_LEN) as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&REQUEST_DUMP.to_ne_bytes());
    let body = &mut bytes[HEADER_LEN..];
    body[0] = family;
    body[1] = IPPROTO_TCP;
    body[2] = 1 << (INET_DIAG_INFO - 1);
    body[4..8].copy_from_slice(&STATES.to_ne_bytes());
    bytes
}

/// The first netlink message: its type, its body, what follows.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let body = bytes.get(HEADER_LEN..len)?;
    Some((u16_at(bytes, 4)?, body, bytes.get(len.next_multiple_of(4)..).unwrap_or_default()))
}

/// The inode and the bytes of one connection.
fn connection(body: &[u8]) -> Option<(u64, u64)> {
    let inode = u64::from(u32_at(body, MESSAGE_INODE)?);
    let mut rest = body.get(MESSAGE_LEN..)?;
    loop {
        let len = usize::from(u16_at(rest, 0)?);
        let attribute = rest.get(4..len)?;
        if u16_at(rest, 2)? == INET_DIAG_INFO {
            return Some((inode, u64_at(attribute, BYTES_ACKED)?.wrapping_add(u64_at(attribute, BYTES_RECEIVED)?)));
        }
        rest = rest.get(len.next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;

    use super::*;

    fn inode(stream: &TcpStream) -> u64 {
        let link = fs::read_link(format!("/proc/self/fd/{}", stream.as_raw_fd())).unwrap();
        link.to_str().unwrap().trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap()
    }

    #[test]
    fn the_kernel_counts_what_goes_over_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut there, _) = listener.accept().unwrap();
        let of_interest = BTreeSet::from([inode(&there)]);
        let mut before = Connections::new();
        dump(AF_INET, &of_interest, &mut before).unwrap();
        here.write_all(b"hello").unwrap();
        there.read_exact(&mut [0; 5]).unwrap();
        let mut after = Connections::new();
        dump(AF_INET, &of_interest, &mut after).unwrap();
        assert_eq!(before.into_iter().collect::<Vec<_>>(), [(inode(&there), 0)]);
        assert_eq!(after.into_iter().collect::<Vec<_>>(), [(inode(&there), 5)]);
    }

    #[test]
    fn nonsense_is_no_message() {
        assert!(message(&[]).is_none() && message(&[255; 20]).is_none());
        assert!(connection(&[0; 80]).is_none() && connection(&[]).is_none());
    }
}
