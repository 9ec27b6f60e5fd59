import VhostUserVsock

/// The command line, as rust-vmm's `vhost-device-vsock` has it, with `--fd` beside it.
struct Options: Equatable {
    enum BackEnd: Equatable {
        /// Listen here for one QEMU.
        case socket(String)
        /// QEMU is at the other end of this inherited descriptor.
        case descriptor(Int32)
    }

    enum Request: Equatable {
        case help
        case version
        case serve(Options)
        /// One sentence for the user.
        case wrong(String)
    }

    var backEnd: BackEnd
    var path: String
    var guestCID: UInt64

    static let help = """
        keystone-vhost-vsock: a virtio-vsock device for QEMU in a process of its own.

        Usage: keystone-vhost-vsock (--socket PATH | --fd N) --uds-path PATH --guest-cid N

          --socket PATH    listen here for QEMU's vhost-user connection
          --fd N           use this inherited, connected socket for it
          --uds-path PATH  host programs reach the guest here: send "CONNECT <port>\\n", read "OK <n>\\n";
                           what the guest dials on port P arrives at PATH_P
          --guest-cid N    the guest's vsock address, 3 to 4294967294
          --help           show this
          --version        show the version

        QEMU: -object memory-backend-memfd,id=mem,size=512M,share=on -machine q35,memory-backend=mem
              -chardev socket,id=c,path=PATH (or fd=M)  -device vhost-user-vsock-pci,chardev=c

        It ends when QEMU does. Exit code: 0 then or on SIGTERM, 1 on an error, 2 for wrong options.
        """

    static func parse(_ arguments: [String]) -> Request {
        var values: [String: String] = [:]
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--help" || argument == "-h" { return .help }
            if argument == "--version" || argument == "-V" { return .version }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0]
            guard ["--socket", "--fd", "--uds-path", "--guest-cid"].contains(name) else {
                return .wrong("there is no option \(name.debugDescription)")
            }
            guard values[name] == nil else { return .wrong("\(name) is given twice") }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst(), !value.isEmpty else {
                return .wrong("\(name) needs a value")
            }
            values[name] = value
        }
        return resolve(values)
    }

    private static func resolve(_ values: [String: String]) -> Request {
        guard let path = values["--uds-path"] else { return .wrong("--uds-path is missing") }
        guard let text = values["--guest-cid"] else { return .wrong("--guest-cid is missing") }
        guard let cid = UInt64(text), VsockDevice.guestCIDs.contains(cid) else {
            return .wrong("--guest-cid \(text.debugDescription) is not a number from 3 to 4294967294")
        }
        switch (values["--socket"], values["--fd"]) {
        case (nil, nil): return .wrong("one of --socket and --fd is needed")
        case (_?, _?): return .wrong("--socket and --fd exclude each other")
        case (let socket?, nil): return .serve(Options(backEnd: .socket(socket), path: path, guestCID: cid))
        case (nil, let number?):
            guard let descriptor = Int32(number), descriptor >= 0 else {
                return .wrong("--fd \(number.debugDescription) is not a descriptor's number")
            }
            return .serve(Options(backEnd: .descriptor(descriptor), path: path, guestCID: cid))
        }
    }
}
