import Columnar
import Storage

/// Lets another thread decompress the next piece while this one is parsed: a compressed file cannot be split, so this is
/// what brings a second core to it.
final class ReadAheadStream: ByteStream {
  private(set) var bytesRead = 0
  private let source: Source
  private let cancellation: Cancellation
  private var pending: Delivery<Result<Piece, any Error>>?
  private var current: Piece?
  private var position = 0
  /// The piece handed out before the current one; its memory is filled next.
  private var spare: ByteBuffer?
  private var isAtEnd = false
  private static let pieceByteCount = 1 << 19
  /// Apart from the shared pool, whose few threads others need: bytes may come from far away.
  private static let decompressors = BlockingPool(threadCount: 64)

  /// - Parameter cancellation: of the statement that the bytes are for.
  init(_ stream: any ByteStream, _ cancellation: Cancellation) {
    source = Source(stream)
    self.cancellation = cancellation
  }

  func read(into destination: UnsafeMutableRawBufferPointer) throws -> Int {
    if current == nil || position == current?.count { try nextPiece() }
    guard let current, !isAtEnd, let target = destination.baseAddress else { return 0 }
    let count = min(destination.count, current.count - position)
    target.copyMemory(from: current.buffer.start + position, byteCount: count)
    position += count
    return count
  }

  private func nextPiece() throws {
    guard !isAtEnd else { return }
    spare = current?.buffer
    let delivery = pending ?? start(into: ByteBuffer(byteCount: Self.pieceByteCount))
    pending = nil
    let piece = try delivery.wait().get()
    current = piece
    position = 0
    bytesRead = piece.bytesRead
    if piece.count == 0 {
      isAtEnd = true
    } else {
      pending = start(into: spare ?? ByteBuffer(byteCount: Self.pieceByteCount))
      spare = nil
    }
  }

  private func start(into buffer: ByteBuffer) -> Delivery<Result<Piece, any Error>> {
    let delivery = Delivery<Result<Piece, any Error>>()
    let source = source
    let cancellation = cancellation
    let traffic = StorageTraffic.current
    Self.decompressors.submit {
      traffic.counting { cancellation.whileThreadWorks { delivery.deliver(Result { try source.fill(buffer) }) } }
    }
    return delivery
  }

  private struct Piece: Sendable {
    var buffer: ByteBuffer
    var count: Int
    var bytesRead: Int
  }

  // SAFETY: one job at a time uses the stream: the next is submitted after the delivery of the one before.
  private final class Source: @unchecked Sendable {
    private let stream: any ByteStream

    init(_ stream: any ByteStream) { self.stream = stream }

    func fill(_ buffer: ByteBuffer) throws -> Piece {
      let count = try stream.read(into: buffer.mutableBytes)
      return Piece(buffer: buffer, count: count, bytesRead: stream.bytesRead)
    }
  }
}
