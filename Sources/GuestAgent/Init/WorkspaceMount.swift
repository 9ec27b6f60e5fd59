import LinuxSystem

/// The host's project directory: the 9p share with the tag `workspace`.
enum WorkspaceMount {
    static let tag = "workspace"
    private static let devices = "/sys/bus/virtio/drivers/9pnet_virtio"
    /// `cache=none`: the host changes files under the guest's eyes. A large msize, since each message is a round trip.
    private static let options = "trans=virtio,version=9p2000.L,msize=512000,cache=none"

    static func mountIfPresent() {
        guard isPresent else { return }
        do throws(SystemError) {
            try Mount.mount(
                tag, on: GuestSystem.workspace, type: "9p", options: [.noSetUserID, .noDevices], data: options)
        } catch {
            InitLog.say("the workspace is missing: \(error)")
        }
    }

    static func detach() { try? Mount.detach(GuestSystem.workspace) }

    private static var isPresent: Bool {
        // The driver's directory also holds files such as `bind`; a device's name leads to its own directory.
        guard let names = try? SmallFile.names(in: devices) else { return false }
        return names.contains { name in
            guard name.hasPrefix("virtio"), let found = try? SmallFile.read("\(devices)/\(name)/mount_tag", limit: 256)
            else { return false }
            return found.prefix { $0 > 0x20 }.elementsEqual(tag.utf8)
        }
    }
}
