use super::{covered, hidden};

#[test]
fn keys_and_passwords_are_covered() {
    for (line, shown) in [
        ("1 SHA1 HEX:00ff\n", "1 **** ********\n"),
        ("  7\tabc", "  7\t***"),
        ("1", "1"),
        ("crypto\tpw\tsecret", "crypto\tpw\t******"),
        ("crypto ident a pw \"x y\"", "crypto ident a pw ** **"),
        (" key-string 7 0a0b", " key-string 7 ****"),
        ("ntp authentication-key 5 md5 k\u{e4}y 7", "ntp authentication-key 5 *** **** *"),
        ("Password x", "Password *"),
        ("password", "password"),
        ("server a key 5", "server a key 5"),
        ("# 1 is a comment", "# 1 is a comment"),
        ("ntp server 1.2.3.4 key 5", "ntp server 1.2.3.4 key 5"),
        ("", ""),
    ] {
        assert_eq!(covered(line), shown);
        assert_eq!(covered(line).len(), line.len());
    }
    assert_eq!(hidden("1 SHA1 HEX:00ff"), "1 ***");
    assert_eq!(hidden("server a key 5"), "server a key 5");
}
