package import Columnar

/// Reads one text file batch by batch; used by one thread.
package protocol TextReader: AnyObject {
  /// The next rows, nil at the end. Never an empty batch.
  func next() throws -> Batch?
}
