import Glibc
import LinuxSystem

/// A tap interface of the host by its name.
public enum TapInterface {
    /// Linux's IFNAMSIZ less its NUL.
    static let maximumLength = 15

    /// The kernel's own rule (dev_valid_name in net/core/dev.c): no white space, `/` or `:`, not `.` or `..`.
    /// - Throws: `usage`.
    public static func validate(_ name: String) throws(ControllerError) {
        let fine = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
        guard fine, !name.isEmpty, name.utf8.count <= maximumLength, name != ".", name != ".." else {
            throw ControllerError(
                .usage,
                "\(PrintableText.quoted(name)) is not the name of a network interface: it has 1 to \(maximumLength) characters, "
                    + "none of them a space, '/' or ':'."
            )
        }
    }

    /// Opens the interface, making it when the user may.
    /// - Throws: `permission`, `busy` when another machine has it, `machineFailed`.
    public static func open(_ name: String) throws(ControllerError) -> FileDescriptor {
        try validate(name)
        do throws(SystemError) {
            return try NetworkTap.open(name)
        } catch  where error.code == EBUSY {
            throw ControllerError(
                .busy, "The interface \(name) is in use by another machine.", advice: "Choose another tap.")
        } catch  where error.code == EPERM || error.code == EACCES {
            throw ControllerError(
                .permission, "This user may not use the tap interface \(name).",
                advice: "As root: ip tuntap add \(name) mode tap user NAME.")
        } catch {
            throw error.told("Cannot open the tap interface \(name)", as: .machineFailed)
        }
    }
}
