//! By which addresses a listening server can be opened: on this machine, and from others. Sends nothing, asks no other machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Where the page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The address that opens it, with the token: one that can be opened on this machine.
    pub url: String,
    /// The same from other machines, where it listens to them: by this machine's names, then by its addresses.
    pub elsewhere: Vec<String>,
}

impl Opening {
    /// Of a server that listens at `address`. `names`: by which it may be called; `own`: this machine's addresses towards others.
    /// `path` begins with a slash.
    #[must_use]
    pub fn new(address: SocketAddr, names: &[String], own: &[IpAddr], path: &str) -> Self {
        let port = address.port();
        let by_name = |name: &str| format!("http://{name}:{port}{path}");
        let by_address = |ip: IpAddr| format!("http://{}{path}", SocketAddr::new(ip, port));
        let url = by_address(openable(address.ip()));
        let towards_others: Vec<IpAddr> = match address.ip() {
            ip if ip.is_loopback() => Vec::new(),
            ip if ip.is_unspecified() => own.iter().copied().filter(|o| o.is_ipv4() || ip.is_ipv6()).collect(),
            ip => vec![ip],
        };
        let names = names.iter().filter(|_| !address.ip().is_loopback());
        let elsewhere = names.map(|n| by_name(n)).chain(towards_others.into_iter().map(by_address)).collect();
        Self { url, elsewhere }
    }
}

/// "Any address" is none that a browser can open: the loopback one is among them.
fn openable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// This machine's name, as a browser of its network may call it; `None` where it has none of use.
#[must_use]
pub fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.trim_end_matches('.').to_owned();
    let sound = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    (sound && !name.eq_ignore_ascii_case("localhost")).then_some(name)
}

/// The addresses from which this machine speaks to others, at most one of each family. Nothing is sent: the system only chooses a route
/// to an address that is reserved for documentation (RFC 5737, RFC 3849).
#[must_use]
pub fn own_addresses() -> Vec<IpAddr> {
    let v4 = (SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9)));
    let v6 = (SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9)));
    let towards = |(from, to): (SocketAddr, SocketAddr)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    [v4, v6].into_iter().filter_map(towards).filter(|ip| !ip.is_loopback() && !ip.is_unspecified()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(listen: &str) -> (String, Vec<String>) {
        let own = ["192.168.1.5".parse().unwrap(), "2001:db8::5".parse().unwrap()];
        let opening = Opening::new(listen.parse().unwrap(), &[String::from("box")], &own, "/o");
        (opening.url, opening.elsewhere)
    }

    #[test]
    fn what_is_told_can_be_opened() {
        let of = |here: &str, there: &[&str]| (here.to_owned(), there.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(told("127.0.0.1:80"), of("http://127.0.0.1:80/o", &[]));
        assert_eq!(told("[::1]:80"), of("http://[::1]:80/o", &[]));
        assert_eq!(told("0.0.0.0:80"), of("http://127.0.0.1:80/o", &["http://box:80/o", "http://192.168.1.5:80/o"]));
        let both = ["http://box:80/o", "http://192.168.1.5:80/o", "http://[2001:db8::5]:80/o"];
        assert_eq!(told("[::]:80"), of("http://[::1]:80/o", &both));
        assert_eq!(told("10.0.0.1:80"), of("http://10.0.0.1:80/o", &["http://box:80/o", "http://10.0.0.1:80/o"]));
    }

    #[test]
    fn this_machine_is_no_riddle() {
        assert!(own_addresses().iter().all(|ip| !ip.is_unspecified() && !ip.is_loopback()));
        assert!(host_name().is_none_or(|name| !name.is_empty() && !name.contains(['/', ':', ' ', '@'])));
    }
}
