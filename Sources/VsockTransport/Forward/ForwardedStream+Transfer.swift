import AgentProtocol
import Glibc
import LinuxSystem

extension ForwardedStream {
    // MARK: From the socket to the peer

    /// Reads once and makes a frame of it, or the end of frames. There is room: nothing is read before the last frame left.
    mutating func take(from socket: borrowing FileDescriptor) {
        guard isFlushed, socketGives else { return }
        let space = UnsafeMutableRawBufferPointer(rebasing: outgoing[FrameHeader.size...])
        do throws(SystemError) {
            switch try socket.receive(into: space, resetIsEnd: false) {
            case .moved(let count):
                frame(.forwardData, count)
                noteProgress()
                tally?.sent.add(UInt64(count), ordering: .relaxed)
                if count == space.count { isStreaming = true }
            case .endOfFile:
                socketGives = false
                saidEnd = true
                frame(.forwardEnd, 0)
            case .wouldBlock: return
            }
        } catch {
            // What was cut off has no end that could be told.
            socketGives = false
            socketTakes = false
            waiting = []
        }
    }

    private mutating func frame(_ kind: FrameKind, _ count: Int) {
        FrameHeader(kind: kind, length: count).encode(into: outgoing)
        outgoingStart = 0
        outgoingEnd = FrameHeader.size + count
    }

    mutating func flush(to connection: borrowing FileDescriptor) {
        while !isFlushed, connectionTakes {
            do throws(SystemError) {
                switch try connection.send(UnsafeRawBufferPointer(rebasing: outgoing[outgoingStart..<outgoingEnd])) {
                case .moved(let count):
                    outgoingStart += count
                    noteProgress()
                case .wouldBlock: return
                case .endOfFile: connectionTakes = false
                }
            } catch {
                connectionTakes = false
            }
        }
        if isStreaming, outgoing.count < ForwardedStream.largeBuffer { resizeOutgoing(to: ForwardedStream.largeBuffer) }
    }

    private mutating func resizeOutgoing(to size: Int) {
        guard isFlushed else { return }
        outgoing.deallocate()
        outgoing = .allocate(byteCount: size, alignment: 16)
    }

    /// There may be thousands of streams that were busy once.
    mutating func giveBackBuffers() {
        isStreaming = false
        resizeOutgoing(to: ForwardedStream.smallBuffer)
        frames.shrink()
    }

    // MARK: From the peer to the socket

    /// Reads once. Not called while the socket has not taken what came before: so the peer is held back by its own carrier.
    mutating func receive(from connection: borrowing FileDescriptor) {
        guard waiting.isEmpty, connectionGives else { return }
        do throws(SystemError) {
            let space = frames.space(atLeast: isStreaming ? ForwardedStream.largeBuffer : 4096)
            switch try connection.receive(into: space) {
            case .moved(let count):
                frames.received(count)
                if count == space.count { isStreaming = true }
                noteProgress()
            case .wouldBlock: return
            case .endOfFile: connectionEnded()
            }
        } catch {
            connectionEnded()
        }
    }

    private mutating func connectionEnded() {
        connectionGives = false
        // The host waits as long as whoever it has the last bytes for; in the guest nobody can give those up.
        if side == .guest { startStalling() }
    }

    /// Gives the socket what it takes of what has come.
    /// - Returns: an end that the peer brought about.
    mutating func deliver(to socket: borrowing FileDescriptor) -> End? {
        while true {
            if !waiting.isEmpty {
                waitingStart += waiting.withUnsafeBytes {
                    put(UnsafeRawBufferPointer(rebasing: $0[waitingStart...]), into: socket)
                }
                guard waitingStart == waiting.count || !socketTakes else { return nil }
                waiting = []
            }
            do throws(ProtocolError) {
                guard let frame = try frames.next() else { break }
                if let end = try handle(frame, socket) { return end }
            } catch {
                return .refused(error)
            }
        }
        if heardEnd, !hasShutSocket {
            hasShutSocket = true
            shutdown(socket.rawValue, Int32(SHUT_WR))
        }
        return nil
    }

    private mutating func handle(_ frame: Frame, _ socket: borrowing FileDescriptor) throws(ProtocolError) -> End? {
        switch frame.kind {
        case .forwardData where !heardEnd:
            tally?.received.add(UInt64(frame.payload.count), ordering: .relaxed)
            let count = put(frame.payload, into: socket)
            if count < frame.payload.count, socketTakes {
                waiting = Array(frame.payload[count...])
                waitingStart = 0
            }
        case .forwardEnd where !heardEnd: heardEnd = true
        case .failure: return .failed(try Failure(decoding: frame.payload))
        default: throw .malformed("frame of kind \(frame.kind.rawValue) in a forward")
        }
        return nil
    }

    /// - Returns: how much the socket took. One that takes no more takes nothing, and is not asked again.
    private mutating func put(_ bytes: UnsafeRawBufferPointer, into socket: borrowing FileDescriptor) -> Int {
        var count = 0
        while count < bytes.count, socketTakes {
            do throws(SystemError) {
                switch try socket.send(UnsafeRawBufferPointer(rebasing: bytes[count...])) {
                case .moved(let moved):
                    count += moved
                    noteProgress()
                case .wouldBlock: return count
                case .endOfFile: socketTakes = false
                }
            } catch {
                socketTakes = false
            }
        }
        return count
    }
}
