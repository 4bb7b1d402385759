use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap},
};

use super::config::Config;

/// The network a request comes from, as far as it can be known: an IPv4 address, or the 64-bit prefix of an IPv6 one (a
/// household or plant has all of it).
pub(super) fn network_of(config: &Config, extensions: &Extensions, headers: &HeaderMap) -> String {
    let Some(peer) = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical()) else {
        return "local".into();
    };
    name_of(forwarded(config, peer, headers).unwrap_or(peer))
}

/// The address that the nearest untrusted hop had, as told by proxies that are trusted. Anybody can send the header: it is
/// read from its end, and only as far as trusted proxies wrote it.
fn forwarded(config: &Config, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let trusted = |address: &IpAddr| config.trusted_proxies.iter().any(|proxy| proxy.to_canonical() == *address);
    if !trusted(&peer) {
        return None;
    }
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let addresses = hops.iter().rev().map_while(|hop| hop.parse::<IpAddr>().ok()).map(|address| address.to_canonical());
    addresses.into_iter().find(|address| !trusted(address))
}

fn name_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(peer: &str, proxies: &[&str], forwarded: &[&str]) -> String {
        let config = Config {
            trusted_proxies: proxies.iter().map(|proxy| proxy.parse().unwrap()).collect(),
            ..Config::default()
        };
        let (mut extensions, mut headers) = (Extensions::new(), HeaderMap::new());
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4000)));
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        network_of(&config, &extensions, &headers)
    }

    #[test]
    fn a_header_is_believed_from_trusted_proxies_only_and_no_further_than_they_wrote_it() {
        assert_eq!(network("10.0.0.9", &[], &["1.2.3.4"]), "10.0.0.9");
        assert_eq!(network("10.0.0.1", &["10.0.0.1"], &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(network("10.0.0.1", &["10.0.0.1", "10.0.0.2"], &["6.6.6.6, 1.2.3.4, 10.0.0.2"]), "1.2.3.4");
        assert_eq!(network("10.0.0.1", &["10.0.0.1"], &["1.2.3.4, nonsense"]), "10.0.0.1");
        assert_eq!(network("10.0.0.1", &["10.0.0.1"], &[]), "10.0.0.1");
    }

    #[test]
    fn one_household_is_one_network() {
        assert_eq!(network("2001:db8:1:2:aaaa::1", &[], &[]), network("2001:db8:1:2:bbbb::2", &[], &[]));
        assert_eq!(network("::ffff:10.0.0.9", &[], &[]), "10.0.0.9");
    }
}
