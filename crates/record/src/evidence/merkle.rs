//! The hash tree of RFC 6962 §2.1 over chunks: leaves are prefixed with 0x00, nodes with 0x01, a tree of n leaves is split
//! at the largest power of two below n.

use kernel::{Digest, sha256};

/// The hash of a leaf.
pub fn leaf_hash(data: &[u8]) -> Digest {
    sha256(&[&[0], data])
}

fn node_hash(left: Digest, right: Digest) -> Digest {
    sha256(&[&[1], &left.0, &right.0])
}

/// The root over leaf hashes; of nothing it is the hash of the empty string.
pub fn merkle_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(merkle_root(left), merkle_root(right))
        }
    }
}

/// The hashes that lead from a leaf to the root, nearest first (§2.1.1); none when there is no such leaf.
pub fn inclusion_proof(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let k = split(leaves.len());
    let (mut path, other) = if index < k {
        (inclusion_proof(&leaves[..k], index)?, merkle_root(&leaves[k..]))
    } else {
        (inclusion_proof(&leaves[k..], index - k)?, merkle_root(&leaves[..k]))
    };
    path.push(other);
    Some(path)
}

/// Whether a leaf at an index of a tree of `count` leaves leads to the root.
pub fn inclusion_holds(leaf: Digest, index: usize, count: usize, path: &[Digest], root: Digest) -> bool {
    fn climb(leaf: Digest, index: usize, count: usize, path: &[Digest]) -> Option<Digest> {
        if count == 1 {
            return (index == 0 && path.is_empty()).then_some(leaf);
        }
        let (other, below) = path.split_last()?;
        let k = split(count);
        if index < k {
            Some(node_hash(climb(leaf, index, k, below)?, *other))
        } else {
            Some(node_hash(*other, climb(leaf, index - k, count - k, below)?))
        }
    }
    index < count && climb(leaf, index, count, path) == Some(root)
}

/// The largest power of two below n, for n ≥ 2.
fn split(n: usize) -> usize {
    1 << (usize::BITS - 1 - (n - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Inputs and roots of the reference tests that accompany RFC 6962 implementations: eight leaves of growing length.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    #[test]
    fn roots_match_the_reference() {
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let hashes: Vec<Digest> = LEAVES.iter().map(|leaf| leaf_hash(leaf)).collect();
        for (count, root) in roots.iter().enumerate() {
            assert_eq!(merkle_root(&hashes[..count]).hex(), *root, "{count} leaves");
        }
    }

    proptest! {
        #[test]
        fn every_leaf_is_provable_and_no_other(count in 1usize..70, seed in any::<u64>(), flip in 0usize..256) {
            let hashes: Vec<Digest> = (0..count).map(|i| leaf_hash(&[i as u8])).collect();
            let root = merkle_root(&hashes);
            let index = seed as usize % count;
            let path = inclusion_proof(&hashes, index).unwrap();
            prop_assert!(inclusion_holds(hashes[index], index, count, &path, root));
            let mut other = hashes[index];
            other.0[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(!inclusion_holds(other, index, count, &path, root));
            prop_assert!(count == 1 || !inclusion_holds(hashes[index], (index + 1) % count, count, &path, root));
            prop_assert!(inclusion_proof(&hashes, count).is_none());
        }
    }
}
