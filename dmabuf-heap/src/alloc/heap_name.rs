//! What the name of a heap tells. The kernel has no other interface that says where its memory comes from.
//!
//! Names and rules: `Documentation/userspace-api/dma-buf-heaps.rst`.

use std::path::Path;

use crate::{Capabilities, Contiguity};

/// The stable name of the default CMA area since Linux 6.17.
pub(super) const DEFAULT_CMA: &str = "default_cma_region";

/// What the default CMA area is called where neither `default_cma_region` nor a device-tree property names it.
/// `reserved` is its name when the command line or Kconfig made it, the others are customary node names.
const OLD_DEFAULT_CMA: [&str; 3] = ["reserved", "linux,cma", "default-pool"];

/// The second name under which the kernel lists the heap `default_cma_region`, if it does.
///
/// `drivers/dma-buf/heaps/cma_heap.c` adds the default area under its stable name and then every area under its own, the
/// default area included. Its own name is that of the device-tree node with the property `linux,cma-default`; without
/// one, or when `cma=` on the command line overrules it (there is no heap of the node's name then), `reserved`.
pub(super) fn default_cma_alias(names: &[String], device_tree: &Path) -> Option<String> {
    let exists = |wanted: &str| names.iter().any(|name| name == wanted);
    if !exists(DEFAULT_CMA) {
        return None;
    }
    let marked = |name: &&String| {
        reserved_memory_node(device_tree, name)
            .join("linux,cma-default")
            .exists()
    };
    let by_property = names.iter().find(marked).map(String::as_str);
    let by_custom = || OLD_DEFAULT_CMA.into_iter().find(|name| exists(name));
    by_property.or_else(by_custom).map(str::to_owned)
}

/// What a heap of this name promises.
pub(super) fn capabilities(name: &str, device_tree: &Path) -> Capabilities {
    let protected = name.contains("protected");
    let contiguity = if name == DEFAULT_CMA
        || OLD_DEFAULT_CMA.contains(&name)
        || name.contains("cma")
        || name.contains("contiguous")
        // The only heaps with names of device-tree nodes are CMA areas.
        || reserved_memory_node(device_tree, name).is_dir()
    {
        Contiguity::Contiguous
    } else if name.starts_with("system") {
        Contiguity::Scattered
    } else {
        Contiguity::Unknown
    };
    Capabilities {
        contiguity,
        cacheable: !name.contains("uncached"),
        mappable: !protected,
        protected,
        max_len: None,
    }
}

/// Where a heap stands in the order of preference; lower is better.
pub(super) fn rank(name: &str, capabilities: &Capabilities) -> u8 {
    match (name, capabilities.protected, capabilities.contiguity) {
        (_, true, _) => 9,
        ("system", ..) => 0,
        (DEFAULT_CMA, ..) => 1,
        (_, _, Contiguity::Contiguous) => 2,
        _ => 3,
    }
}

fn reserved_memory_node(device_tree: &Path, name: &str) -> std::path::PathBuf {
    device_tree.join("reserved-memory").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn device_tree(marked: &[&str], unmarked: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in marked.iter().chain(unmarked) {
            std::fs::create_dir_all(root.path().join("reserved-memory").join(name)).unwrap();
        }
        for name in marked {
            let node = root.path().join("reserved-memory").join(name);
            std::fs::write(node.join("linux,cma-default"), "").unwrap();
        }
        root
    }

    #[test]
    fn reserved_is_the_default_area_of_a_machine_without_device_tree() {
        let heaps = names(&["default_cma_region", "reserved", "system"]);
        assert_eq!(
            default_cma_alias(&heaps, Path::new("/nonexistent")).as_deref(),
            Some("reserved")
        );
    }

    #[test]
    fn the_marked_node_is_the_default_area() {
        let tree = device_tree(&["cma@40000000"], &["video@50000000", "linux,cma"]);
        let heaps = names(&[
            "default_cma_region",
            "video@50000000",
            "cma@40000000",
            "linux,cma",
        ]);
        assert_eq!(
            default_cma_alias(&heaps, tree.path()).as_deref(),
            Some("cma@40000000")
        );
    }

    #[test]
    fn the_command_line_overrules_the_marked_node() {
        let tree = device_tree(&["linux,cma"], &[]);
        let heaps = names(&["default_cma_region", "reserved", "system"]);
        assert_eq!(
            default_cma_alias(&heaps, tree.path()).as_deref(),
            Some("reserved")
        );
    }

    #[test]
    fn without_the_stable_name_nothing_is_an_alias() {
        let heaps = names(&["reserved", "system"]);
        assert_eq!(default_cma_alias(&heaps, Path::new("/nonexistent")), None);
        let heaps = names(&["default_cma_region", "system", "video@50000000"]);
        assert_eq!(default_cma_alias(&heaps, Path::new("/nonexistent")), None);
    }

    #[test]
    fn contiguity_follows_the_documented_names() {
        use Contiguity::{Contiguous, Scattered, Unknown};
        let tree = device_tree(&[], &["video@50000000"]);
        for (name, expected) in [
            ("system", Scattered),
            ("system_cc_shared", Scattered),
            ("system-uncached", Scattered),
            ("default_cma_region", Contiguous),
            ("reserved", Contiguous),
            ("linux,cma", Contiguous),
            ("default-pool", Contiguous),
            ("memory@42000000-contiguous", Contiguous),
            ("cma-uncached", Contiguous),
            ("video@50000000", Contiguous),
            ("video@60000000", Unknown),
            ("protected,secure-video", Unknown),
        ] {
            assert_eq!(
                capabilities(name, tree.path()).contiguity,
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn protected_and_uncached_are_in_the_name() {
        let tree = Path::new("/nonexistent");
        assert!(!capabilities("protected,secure-video", tree).mappable);
        assert!(capabilities("protected,secure-video", tree).protected);
        assert!(!capabilities("system-uncached", tree).cacheable);
        assert!(capabilities("system", tree).cacheable);
    }
}
