import Glibc
import LinuxSystem
import Testing

@testable import VhostUserVsock

struct RingTests {
    func memory(_ regions: [(guest: UInt64, size: UInt64, offset: UInt64)]) throws -> GuestMemory {
        let file = try FileDescriptor.memoryFile(name: "memory", size: 65536)
        let memory = GuestMemory()
        for region in regions {
            let added = memory.add(
                try MemoryRegion(
                    guestAddress: region.guest, frontEndAddress: region.guest + 1 << 40, size: region.size,
                    offset: region.offset, file: file))
            #expect(added)
        }
        return memory
    }

    @Test func addressesAreOnlyFoundInsideTheirRegion() throws {
        let memory = try memory([(4096, 8192, 0), (1 << 32, 4096, 8192)])
        #expect(memory.translate(guest: 4095, length: 1) == nil)
        #expect(memory.translate(guest: 4096, length: 9000)?.length == 8192)
        #expect(memory.translate(guest: 12287, length: 1)?.length == 1)
        #expect(memory.translate(guest: 12288, length: 1) == nil)
        #expect(memory.translate(guest: 1 << 32 + 4095, length: 2)?.length == 1)
        #expect(memory.translate(guest: .max, length: .max) == nil)
        #expect(memory.translate(frontEnd: 4096 + 1 << 40, length: 8192, alignment: 16) != nil)
        #expect(memory.translate(frontEnd: 4096 + 1 << 40, length: 8193, alignment: 16) == nil)
        #expect(memory.translate(frontEnd: 4097 + 1 << 40, length: 16, alignment: 16) == nil)
    }

    @Test func regionsThatCantBeTrueAreRefused() throws {
        let file = try FileDescriptor.memoryFile(name: "memory", size: 4096)
        func region(_ guest: UInt64, _ size: UInt64, _ offset: UInt64) throws(SystemError) {
            _ = try MemoryRegion(guestAddress: guest, frontEndAddress: 0, size: size, offset: offset, file: file)
        }
        #expect(throws: SystemError.self) { try region(0, 0, 0) }
        #expect(throws: SystemError.self) { try region(0, 4097, 0) }
        #expect(throws: SystemError.self) { try region(0, 1, 4096) }
        #expect(throws: SystemError.self) { try region(0, .max, 2) }
        #expect(throws: SystemError.self) { try region(.max, 4096, 0) }
        let memory = GuestMemory()
        #expect(memory.add(try MemoryRegion(guestAddress: 0, frontEndAddress: 0, size: 4096, offset: 0, file: file)))
        #expect(
            !memory.add(try MemoryRegion(guestAddress: 4095, frontEndAddress: 0, size: 4096, offset: 0, file: file)))
    }

    @Test func aDescriptorAcrossAdjacentRegionsComesInTwoPieces() throws {
        let memory = try memory([(0, 4096, 0), (4096, 4096, 16384)])
        let table = UnsafeMutableRawPointer.allocate(byteCount: 8192, alignment: 16)
        defer { table.deallocate() }
        memset(table, 0, 8192)
        table.storeBytes(of: UInt64(4090), as: UInt64.self)
        table.storeBytes(of: UInt32(100), toByteOffset: 8, as: UInt32.self)
        table.storeBytes(of: UInt16(1), toByteOffset: 4098, as: UInt16.self)
        let ring = SplitRing()
        ring.start(.init(size: 8, descriptors: table, available: table + 4096, used: table + 6144), nextAvailable: 0)
        #expect(try ring.waiting() == 1)
        let vectors = VectorList()
        #expect(try ring.gather(0, writable: false, memory: memory, into: vectors).bytes == 100)
        #expect(vectors.count == 2)
        #expect(vectors[0].iov_len == 6)
        #expect(vectors[1].iov_len == 94)
    }

    @Test func vectorsAreCutAnywhere() {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 1)
        defer { bytes.deallocate() }
        for index in 0..<100 { bytes.storeBytes(of: UInt8(index), toByteOffset: index, as: UInt8.self) }
        for cut in 0...60 {
            let vectors = VectorList()
            for part in 0..<10 { #expect(vectors.append(bytes + 10 * part, 10)) }
            let start = vectors.carve(cut, from: 2)
            #expect((start != nil) == (cut <= 10))
            vectors.truncate(20, from: 2)
            vectors.dropFirst(15)
            var out = [UInt8](repeating: 0, count: 25)
            out.withUnsafeMutableBytes { vectors.copyOut(to: $0.baseAddress!, count: 25) }
            #expect(out == Array(15..<20) + Array(UInt8(20 + cut)..<UInt8(40 + cut)))
        }
    }

    @Test func connectLinesInAnyFragmentation() {
        for text in ["CONNECT 0\n", "CONNECT 4294967295\n", "CONNECT 52\r\n"] {
            let bytes = Array((text + "payload").utf8)
            for step in 1...bytes.count {
                var line = ConnectLine()
                var position = 0
                var outcome = ConnectLine.Outcome.incomplete
                while outcome == .incomplete {
                    let window = bytes[position..<min(bytes.count, position + min(step, line.room))]
                    let result = Array(window).withUnsafeBytes { line.take($0) }
                    position += result.taken
                    outcome = result.outcome
                }
                #expect(position == text.utf8.count)
                #expect(outcome != .malformed)
            }
        }
    }
}
