//! IANA time zones and the names that Ruby on Rails gives them (`Eastern Time (US & Canada)`).
//! The table is data beside the source; the codec of a field asks it in both directions.
//! It does not compute offsets. Where Rails has several names for one zone, the zone's own city is written.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use tenure_core::name::Name;

struct Zones {
    rails_of: HashMap<&'static str, &'static str>,
    iana_of: HashMap<&'static str, &'static str>,
}

fn zones() -> &'static Zones {
    static ZONES: OnceLock<Zones> = OnceLock::new();
    ZONES.get_or_init(|| {
        let mut zones = Zones { rails_of: HashMap::new(), iana_of: HashMap::new() };
        for (rails, iana) in rows(include_str!("../../data/rails-time-zones.csv")) {
            zones.iana_of.insert(rails, iana);
            let own_city = iana.rsplit('/').next().is_some_and(|city| city.replace('_', " ") == rails);
            if own_city || !zones.rails_of.contains_key(iana) {
                zones.rails_of.insert(iana, rails);
            }
        }
        for (other, iana) in rows(include_str!("../../data/time-zone-names.csv")) {
            if let Some(rails) = zones.rails_of.get(iana).copied() {
                zones.rails_of.entry(other).or_insert(rails);
            }
        }
        zones
    })
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().skip(1).filter_map(|line| line.rsplit_once(','))
}

/// Returns Rails' name of an IANA zone; a Rails name is returned as it is.
pub(crate) fn rails_zone(iana: &str) -> Option<&'static str> {
    let zones = zones();
    zones.rails_of.get(iana).copied().or_else(|| zones.iana_of.get_key_value(iana).map(|(rails, _)| *rails))
}

/// Returns the IANA zone of a Rails name.
pub(crate) fn iana_zone(rails: &str) -> Option<&'static str> {
    zones().iana_of.get(rails).copied()
}

/// Returns every zone that has a Rails name, by whichever of its names, and the zone that is read back once it was
/// written: several zones share one name, and Oslo comes back as Stockholm.
pub(crate) fn spellings() -> Arc<BTreeMap<Name, Name>> {
    static SPELLINGS: OnceLock<Arc<BTreeMap<Name, Name>>> = OnceLock::new();
    let all = || {
        let zones = zones();
        let names = zones.rails_of.iter().map(|(iana, rails)| (*iana, *rails));
        let names = names.chain(zones.iana_of.keys().map(|rails| (*rails, *rails)));
        let back = |(name, rails): (&str, &str)| Some((Name::new(name), Name::new(zones.iana_of.get(rails)?)));
        Arc::new(names.filter_map(back).collect())
    };
    SPELLINGS.get_or_init(all).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_go_there_and_back() {
        for iana in ["America/New_York", "Europe/Berlin", "Asia/Tokyo", "Pacific/Auckland", "UTC", "Europe/London"] {
            assert_eq!(rails_zone(iana).and_then(iana_zone), Some(iana));
        }
        assert_eq!(rails_zone("America/New_York"), Some("Eastern Time (US & Canada)"));
        assert_eq!(rails_zone("Europe/London"), Some("London"));
        assert_eq!(rails_zone("Mars/Olympus"), None);
    }

    #[test]
    fn zones_of_one_name_are_spelt_alike_and_stay_so() {
        let spellings = spellings();
        let spelt = |zone: &str| spellings.get(zone).map(Name::as_str);
        for (zone, back) in [
            ("Europe/Oslo", "Europe/Stockholm"),
            ("US/Eastern", "America/New_York"),
            ("Asia/Calcutta", "Asia/Kolkata"),
            ("Berlin", "Europe/Berlin"),
            ("Edinburgh", "Europe/London"),
        ] {
            assert_eq!(spelt(zone), Some(back), "{zone}");
        }
        assert_eq!((spelt("America/Panama"), spelt("Asia/Beirut")), (None, None));
        assert!(spellings.values().all(|back| spelt(back) == Some(back)), "{spellings:?}");
    }

    #[test]
    fn every_zone_of_the_table_is_a_zone() {
        for (rails, iana) in rows(include_str!("../../data/rails-time-zones.csv")) {
            assert!(jiff::tz::TimeZone::get(iana).is_ok(), "{rails}: {iana}");
        }
    }
}
