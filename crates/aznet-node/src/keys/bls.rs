//! The BN254 keys by which an attester registers.

use alloy_primitives::U256;
use ark_bn254::{Fq, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField};
use aznet_model::abi::{G1Point, G2Point};
use rand::RngCore;

/// A secret key that lives as long as a registration: 4.x registers BLS keys but does not sign with them.
pub(crate) struct BlsKey(Fr);

impl BlsKey {
    /// A new key.
    pub(crate) fn random() -> Self {
        // Twice the field's size, so that reducing leaves no bias worth the name.
        let mut bytes = [0; 64];
        rand::rngs::OsRng.fill_bytes(&mut bytes);
        Self(Fr::from_be_bytes_mod_order(&bytes))
    }

    /// Public key in the first group.
    pub(crate) fn public_g1(&self) -> G1Point {
        g1_point(G1Affine::generator(), self.0)
    }

    /// Public key in the second group.
    pub(crate) fn public_g2(&self) -> G2Point {
        let point = (G2Affine::generator() * self.0).into_affine();
        G2Point {
            x0: number(point.x.c0),
            x1: number(point.x.c1),
            y0: number(point.y.c0),
            y1: number(point.y.c1),
        }
    }

    /// Signs a digest that the contract hashed to the first group; `None` if it is not on the curve.
    pub(crate) fn sign(&self, digest: &G1Point) -> Option<G1Point> {
        let point = G1Affine::new_unchecked(field(digest.x), field(digest.y));
        point.is_on_curve().then(|| g1_point(point, self.0))
    }
}

fn g1_point(point: G1Affine, times: Fr) -> G1Point {
    let point = (point * times).into_affine();
    G1Point {
        x: number(point.x),
        y: number(point.y),
    }
}

fn number(element: Fq) -> U256 {
    U256::from_be_slice(&element.into_bigint().to_bytes_be())
}

fn field(number: U256) -> Fq {
    Fq::from_be_bytes_mod_order(&number.to_be_bytes::<32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2·G1 as the precompile tests of EIP-196 have it.
    #[test]
    fn doubles_the_generator() {
        let key = BlsKey(Fr::from(2_u64));
        let expected = G1Point {
            x: U256::from_str_radix(
                "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3",
                16,
            )
            .expect("number"),
            y: U256::from_str_radix(
                "15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4",
                16,
            )
            .expect("number"),
        };
        assert_eq!(key.public_g1(), expected);
        let generator = G1Point {
            x: U256::from(1),
            y: U256::from(2),
        };
        assert_eq!(key.sign(&generator), Some(expected));
    }

    #[test]
    fn refuses_what_is_no_point() {
        let key = BlsKey(Fr::from(2_u64));
        assert_eq!(
            key.sign(&G1Point {
                x: U256::from(1),
                y: U256::from(3)
            }),
            None
        );
    }

    #[test]
    fn keys_differ() {
        assert_ne!(BlsKey::random().public_g2(), BlsKey::random().public_g2());
    }
}
