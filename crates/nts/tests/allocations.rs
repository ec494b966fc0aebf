//! The server's path allocates nothing, whatever comes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Pair, field, reply_header, sealed};
use truechimer_nts::aead::Algorithm;
use truechimer_nts::packet::{Reject, open_request, write_nak, write_reply};
use truechimer_wire::{FieldType, Packet};

#[test]
fn a_request_allocates_nothing() {
    for algorithm in Algorithm::ALL {
        let mut pair = Pair::new(algorithm, 1);
        let plain = pair.request(4).bytes;
        let mut forged = plain.clone();
        forged[40] ^= 1;
        let cookie = pair.cookie();
        let fields =
            [(FieldType::UNIQUE_IDENTIFIER, [1; 32].as_slice()), (FieldType::NTS_COOKIE, cookie.as_bytes())];
        let hidden = field(FieldType::NTS_COOKIE_PLACEHOLDER, &vec![0; cookie.as_bytes().len()]).repeat(3);
        let nonce = vec![5; algorithm.nonce_len()];
        let hidden = sealed(&common::client_header(), &fields, &pair.c2s(), &nonce, &hidden, 0);
        let mut buffer = [0; 2048];
        for request in [plain, forged, hidden] {
            let counted = allocation_counter::measure(|| {
                let packet = Packet::parse(&request).unwrap();
                let header = reply_header(&packet.header());
                match open_request(&packet, &pair.ring) {
                    Ok(opened) => {
                        write_reply(&mut buffer, &header, &opened, &pair.ring, &mut pair.random).unwrap();
                    }
                    Err(Reject::Nak { unique_identifier, .. }) => {
                        write_nak(&mut buffer, &header, &unique_identifier).unwrap();
                    }
                    Err(other) => panic!("{other:?}"),
                }
            });
            assert_eq!(counted.count_total, 0);
        }
    }
}
