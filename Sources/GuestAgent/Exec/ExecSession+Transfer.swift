import AgentProtocol
import Glibc
import LinuxSystem

extension ExecSession {
    /// Moves what a stream holds into the outbox, or into the ring of a detached session.
    static func pump(_ stream: inout OutputStream, into outbox: inout Outbox, ring: OutputRing?) {
        guard stream.isOpen, let space = outbox.payloadSpace() else { return }
        guard case .read(let count) = stream.read(into: space) else { return }
        if count == space.count, outbox.noteStreaming() { stream.raiseCapacity() }
        if let ring {
            ring.append(stream.kind, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(space)[..<count]))
        } else {
            outbox.commit(stream.kind, count: count)
        }
    }

    /// Takes what the host sent. Only as much is read as there are bytes waiting, so a host that floods the session
    /// gets no more than one buffer's worth of it at a time.
    mutating func receive() {
        guard isConnected else { return }
        do throws(SystemError) {
            let space = frames.space(atLeast: input.isStreaming ? 192 * 1024 : 2048)
            switch try connection.receive(into: space) {
            case .moved(let count): frames.received(count)
            case .wouldBlock: return
            case .endOfFile: return hangUp()
            }
        } catch {
            return hangUp()
        }
        handleFrames()
    }

    /// Carries out the whole frames that have arrived.
    mutating func handleFrames() {
        do throws(ProtocolError) {
            while isConnected, let frame = try frames.next() { try handle(frame) }
        } catch {
            refuse(error)
        }
    }

    private mutating func handle(_ frame: Frame) throws(ProtocolError) {
        switch frame.kind {
        case .standardInput:
            guard input.accept(frame.payload) else { throw .malformed("stdin beyond its window") }
        case .standardInputEnd: input.end()
        case .signal: send(signal: Int32(try SignalRequest(decoding: frame.payload).number))
        case .resize:
            let size = try Resize(decoding: frame.payload).size
            // Without a terminal there is nothing to resize, and a host need not know.
            if hasTerminal, output.isOpen {
                try? Terminal.setSize(output.rawValue, rows: size.rows, columns: size.columns)
            }
        case .cancel: if drainUntil == nil { terminate() }
        default: throw .malformed("frame of kind \(frame.kind.rawValue) during a command")
        }
    }

    /// To the terminal's foreground group, or to the command's own group where there is no terminal.
    private func send(signal number: Int32) {
        let foreground = hasTerminal && output.isOpen ? Terminal.foregroundGroup(output.rawValue) : nil
        kill(-(foreground ?? process.processID), number)
    }

    mutating func grantInput() {
        guard isConnected, let grant = input.takeGrant() else { return }
        outbox.append(StandardInputWindow(grant: grant).frame())
    }

    /// A peer that breaks the protocol is told so, as far as it still reads, and cut.
    private mutating func refuse(_ error: ProtocolError) {
        outbox.append(Failure(.malformed, "The agent got \(error).").frame())
        stopHolding()
        flush()
        if isConnected { hangUp() }
    }
}
