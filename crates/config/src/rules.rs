//! Every rule that a file can break, in one table.

use crate::diagnostic::Severity;

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Identifier, never reused: `C…` makes a file unusable, `L…` is advice.
    pub id: &'static str,
    /// How bad breaking it is.
    pub severity: Severity,
    /// The rule in one sentence.
    pub title: &'static str,
    /// The document and section that asks for it.
    pub clause: Option<&'static str>,
}

macro_rules! rules {
    ($($name:ident = $id:literal $severity:ident $title:literal $(, $clause:literal)?;)*) => {
        $(
            #[doc = concat!($id, ": ", $title, ".")]
            pub static $name: Rule = Rule {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                clause: rules!(@clause $($clause)?),
            };
        )*

        /// All rules, by identifier.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
    (@clause) => { None };
    (@clause $clause:literal) => { Some($clause) };
}

rules! {
    UNREADABLE = "C001" Error "The file can be read";
    TOO_LARGE = "C002" Error "The file has at most 1 MiB";
    NOT_UTF8 = "C003" Error "The file is UTF-8 text";
    SYNTAX = "C004" Error "The file is valid TOML";
    UNKNOWN_KEY = "C010" Error "Every section and key is one that exists";
    WRONG_TYPE = "C011" Error "Every value is of its key's type";
    MISSING_KEY = "C012" Error "Keys that a section cannot do without are there";
    WRONG_SECTION = "C013" Error "`[[source]]` is repeated, every other section stands once";
    TOO_MANY = "C014" Error "No list is longer than its limit";
    OUT_OF_RANGE = "C020" Error "Every number is within its key's range";
    BAD_DURATION = "C021" Error "A duration is a number and a unit";
    BAD_RATE = "C022" Error "A rate is a number and `ppm` or `ppb`";
    BAD_WORD = "C023" Error "A word is one of those that the key knows";
    BAD_HOST = "C030" Error "A server or pool is a name or address that can exist";
    BAD_NETWORK = "C031" Error "A network is an address, a slash and a prefix length";
    HOST_BITS = "C032" Error "A network's address has no bits beyond its prefix";
    BAD_LISTENER = "C033" Error "A listener is an address of this machine with a port";
    BAD_ADDRESS = "C034" Error "An address is an IPv4 or IPv6 address that fits its use";
    BAD_PATH = "C035" Error "A path is absolute";
    BAD_USER = "C036" Error "A user is a plain account name";
    ONE_KIND = "C040" Error "A source has exactly one of `server` and `pool`";
    DUPLICATE_SOURCE = "C041" Error "No source is named twice";
    POLL_ORDER = "C042" Error "`poll.min` is at most `poll.max`";
    CONTRADICTION = "C043" Error "No key contradicts another";
    DUPLICATE_ENTRY = "C044" Error "No listener, network or log is listed twice";
    KEY_LINE = "C050" Error "A line of a key file is an identifier, a type and a key";
    KEY_ID = "C051" Error "A key's identifier is an integer from 1 to 4294967295";
    KEY_TYPE = "C052" Error "A key's type is one that exists";
    KEY_VALUE = "C053" Error "A key is written in a way that is not ambiguous, and has the right length";
    DUPLICATE_KEY = "C054" Error "No identifier of a key stands twice";
    NO_SUCH_KEY = "C055" Error "A source's key is in the key file";
    KEYS_UNREADABLE = "C056" Error "The key file can be read";
    FOREIGN_LINE = "C060" Error "A line of another program's configuration is one that it accepts";
    BAD_NTS_FILE = "C070" Error "Certificates, private keys and secrets are there and can be used";

    NO_SOURCE = "L001" Warning "There is a source";
    ONE_SOURCE = "L002" Warning "There is more than one source", "RFC 8633 §3.2";
    TWO_SOURCES = "L003" Warning "There are not just two sources", "RFC 8633 §3.2";
    THREE_SOURCES = "L004" Note "There are at least four sources", "RFC 8633 §3.2";
    SAME_OPERATOR = "L005" Note "Sources are run by more than one operator", "RFC 8633 §3.3";
    MIN_SOURCES = "L006" Warning "`min_sources` can be reached";
    NOT_AUTHENTICATED = "L007" Warning "Where authentication is required, a source is authenticated";
    FAST_POLL = "L010" Warning "Servers of others are not asked more often than every 16 s", "RFC 4330 §10";
    PUBLIC_BURST = "L011" Warning "Servers of others are not asked in bursts", "RFC 4330 §10";
    VENDOR_POOL = "L012" Note "A product does not rely on the public pool's general names", "RFC 8633 §6.2";
    FIXED_PORT = "L013" Warning "Requests leave from ports that nobody can guess", "RFC 9109 §3.1";
    SERVES_NOBODY = "L020" Warning "A server answers somebody";
    OPEN_SERVER = "L021" Warning "A server does not answer everybody";
    IDLE_DENY = "L022" Warning "A network in `deny` lies within one in `allow`";
    NO_LISTENER = "L023" Warning "A network in `allow` can reach a listener";
    OPEN_SIGNER = "L024" Warning "Signatures of a domain controller are not for everybody";
    STEP_ALWAYS = "L030" Warning "The clock does not step under running programs";
    PANIC_OFF = "L031" Warning "Absurd corrections are refused", "RFC 5905 §11.3";
    STEP_PANIC = "L032" Warning "The step threshold is below the panic limits";
    LOCAL_STRATUM = "L040" Warning "A clock without a source does not pose as a good one";
    LOCAL_IDLE = "L041" Warning "A local reference is served";
    EXPOSED_KEYS = "L050" Warning "Nobody else can read the key file";
    WEAK_KEY = "L051" Warning "Keys are not made for MD5 or SHA-1", "RFC 8573 §2";
    SHORT_KEY = "L052" Note "Keys have at least 128 bits";
    AMBIGUOUS_KEY = "L053" Warning "A key is read in the same way by everybody";
    FITTED_KEY = "L054" Warning "A key has the length that its algorithm needs";
    UNSUPPORTED_KEY = "L055" Warning "A key's algorithm is supported";
    KEYS_UNCHECKED = "L056" Note "The key file can be read by whoever checks the configuration";
    SHORT_COOKIES = "L060" Warning "Cookies last as long as a client's supply of them";
    OWN_KEYS = "L061" Warning "Clients are sent only to servers that have the keys";
    UNNAMED_NTS = "L062" Note "A server with NTS is named by its name";
    EXPOSED_NTS_FILE = "L070" Warning "Nobody else can read private keys and secrets";
    ENDING_CERTIFICATE = "L071" Warning "The certificate is valid, and for another week at least";
    NTS_FILE_UNCHECKED = "L072" Note "Certificates can be read by whoever checks the configuration";
    LOST_LINE = "L080" Warning "A line of another program's configuration can be taken over";
    DANGEROUS_LINE = "L081" Warning "A line of another program's configuration does not endanger anybody";
    SOURCE_AGAIN = "L090" Note "A source in `source_dirs` is not there already";
}
