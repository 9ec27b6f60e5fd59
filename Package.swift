// swift-tools-version: 6.1
import PackageDescription

// The module graph of shared/ARCHITECTURE: arrows point at what is imported; nothing points back.
let package = Package(
    name: "keystone-agent",
    targets: [
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "LinuxSystem", dependencies: ["CLinux"]),
        .target(name: "AgentProtocol"),
        .target(name: "VsockTransport", dependencies: ["LinuxSystem", "AgentProtocol"]),
        .target(name: "VhostUserVsock", dependencies: ["LinuxSystem"]),
        .executableTarget(name: "keystone-vhost-vsock", dependencies: ["VhostUserVsock"]),
        .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem"]),
        .testTarget(name: "AgentProtocolTests", dependencies: ["AgentProtocol"]),
        .testTarget(name: "VsockTransportTests", dependencies: ["VsockTransport", "LinuxSystem"]),
        .testTarget(name: "VhostUserVsockTests", dependencies: ["VhostUserVsock", "LinuxSystem"]),
    ],
    swiftLanguageModes: [.v6]
)
