import Foundation

/// Which guest a run of the tests is about: `KEYSTONE_TEST_GUEST=systemd` takes the Debian of `Tests/systemd-image`, otherwise
/// it is the minimal image. What commands and provisioning do must be the same in both.
enum TestGuest {
    case minimal, systemd

    static let current: TestGuest =
        ProcessInfo.processInfo.environment["KEYSTONE_TEST_GUEST"] == "systemd" ? .systemd : .minimal
}
