// swift-tools-version: 6.1
import PackageDescription

// Swift imports its regular expressions into every file by itself, and one `contains("…")` then links 1.2 MB of them into
// the agent: in what it is made of, such a call shall not compile.
let lean: [SwiftSetting] = [.unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"])]

// The module graph of shared/ARCHITECTURE: arrows point at what is imported; nothing points back.
let package = Package(
    name: "keystone-agent",
    targets: [
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "LinuxSystem", dependencies: ["CLinux"], swiftSettings: lean),
        .target(name: "AgentProtocol", swiftSettings: lean),
        .target(name: "VsockTransport", dependencies: ["LinuxSystem", "AgentProtocol"], swiftSettings: lean),
        .target(
            name: "GuestAgent", dependencies: ["AgentProtocol", "VsockTransport", "LinuxSystem"], swiftSettings: lean),
        .target(name: "VhostUserVsock", dependencies: ["LinuxSystem"], swiftSettings: lean),
        .target(name: "SandboxController", dependencies: ["AgentProtocol", "VsockTransport", "LinuxSystem"]),
        .executableTarget(
            name: "keystone", dependencies: ["SandboxController", "AgentProtocol", "LinuxSystem"]),
        .executableTarget(name: "keystone-guest-agent", dependencies: ["GuestAgent"], swiftSettings: lean),
        .executableTarget(name: "keystone-vhost-vsock", dependencies: ["VhostUserVsock"], swiftSettings: lean),
        .executableTarget(
            name: "keystone-bench",
            dependencies: ["SandboxController", "GuestAgent", "VhostUserVsock"]),
        // What the bench and the end-to-end tests run inside a guest: no Foundation, so it stays small.
        .executableTarget(name: "keystone-guest-probe", dependencies: ["GuestAgent"]),
        .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem"]),
        .testTarget(name: "AgentProtocolTests", dependencies: ["AgentProtocol"]),
        .testTarget(
            name: "VsockTransportTests", dependencies: ["VsockTransport", "AgentProtocol", "LinuxSystem"]),
        .testTarget(
            name: "GuestAgentTests", dependencies: ["GuestAgent", "VsockTransport", "AgentProtocol", "LinuxSystem"]),
        .testTarget(
            name: "VhostUserVsockTests", dependencies: ["VhostUserVsock", "LinuxSystem", "keystone-vhost-vsock"]),
        .testTarget(name: "SandboxControllerTests", dependencies: ["SandboxController", "LinuxSystem"]),
        .testTarget(name: "KeystoneCommandTests", dependencies: ["keystone", "SandboxController", "LinuxSystem"]),
        .testTarget(name: "EndToEndTests", dependencies: ["SandboxController", "LinuxSystem"]),
    ],
    swiftLanguageModes: [.v6]
)
