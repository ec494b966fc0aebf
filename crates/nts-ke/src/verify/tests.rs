use proptest::prelude::*;

use super::*;
use crate::authority::{Authority, Certified};
use crate::profile;
use rustls::pki_types::pem::PemObject;

fn verifier(authority: &Authority, policy: DatePolicy) -> Verifier {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.root().as_bytes()).unwrap()).unwrap();
    let algorithms = profile::provider().signature_verification_algorithms;
    Verifier { roots: Arc::new(roots), algorithms, policy, verdict: Arc::default() }
}

fn judge(verifier: &Verifier, files: &Certified) -> Verdict {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(files.chain.as_bytes()).collect::<Result<_, _>>().unwrap();
    verifier.judge(&chain[0], &chain[1..], &ServerName::try_from("ntp.example").unwrap())
}

fn span() -> impl Strategy<Value = Validity> {
    // The farthest is in the year 2286.
    (0i64..10_000_000_000, 0i64..1_000_000_000)
        .prop_map(|(not_before_s, len)| Validity { not_before_s, not_after_s: not_before_s + len })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The span that is told is exactly that in which the chain is accepted: its dates are read by us and judged by the
    /// library, and both must mean the same.
    #[test]
    fn the_span_is_that_in_which_the_library_accepts(leaf in span(), middle in span(), floor in 0i64..11_000_000_000) {
        let always = Validity { not_before_s: 0, not_after_s: 100_000_000_000 };
        let root = Authority::new("root", always).unwrap();
        let files = root.intermediate("middle", middle).unwrap().certify(&["ntp.example"], leaf).unwrap();
        let common = leaf.intersection(middle);
        let deferred = judge(&verifier(&root, DatePolicy::Defer { floor_unix_s: 0 }), &files);
        prop_assert_eq!(deferred.ok(), common);
        let after = judge(&verifier(&root, DatePolicy::Defer { floor_unix_s: floor }), &files);
        prop_assert_eq!(after.ok(), common.filter(|common| common.not_after_s >= floor));
        for edge in [leaf.not_before_s, leaf.not_after_s, middle.not_before_s, middle.not_after_s, floor] {
            for unix_s in [edge - 1, edge, edge + 1] {
                let at = judge(&verifier(&root, DatePolicy::At(unix_s)), &files);
                let expected = common.filter(|common| common.contains(unix_s.max(0)));
                prop_assert_eq!(at.ok(), expected, "at {}", unix_s);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_certificate_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let always = Validity { not_before_s: 0, not_after_s: 100_000_000_000 };
        let root = Authority::new("root", always).unwrap();
        let verifier = verifier(&root, DatePolicy::Defer { floor_unix_s: 0 });
        let name = ServerName::try_from("ntp.example").unwrap();
        let certificate = CertificateDer::from(bytes);
        let verdict = verifier.judge(&certificate, std::slice::from_ref(&certificate), &name);
        prop_assert_eq!(verdict, Err(CertificateFault::Malformed));
    }
}

#[test]
fn every_fault_is_an_alert_that_tells_the_server_something() {
    for fault in [
        CertificateFault::WrongName { presented: String::new() },
        CertificateFault::Expired { not_after_s: 0 },
        CertificateFault::UnknownIssuer,
        CertificateFault::TooComplex,
    ] {
        assert!(matches!(tls_error(&fault), rustls::Error::InvalidCertificate(_)));
        assert!(!fault.to_string().is_empty());
    }
}
