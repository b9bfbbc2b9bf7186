import Glibc

/// A thread with a large stack, for code that recurses as deep as a statement nests. What the caller's own stack holds is not known: threads of Swift's
/// pool have what the system gives them, 8 MiB or less.
package enum DeepStack {
  /// Reserved, not used: only pages that are touched count.
  package static let byteCount = 64 << 20

  /// Runs `body` on such a thread and waits for it. Nil when the system has no thread to give.
  package static func run<Result>(_ body: () -> Result) -> Result? {
    var result: Result?
    withoutActuallyEscaping({ result = body() }) { work in
      // SAFETY: the thread has ended before `attributes` and `call` go, which nobody else knows of.
      var attributes = pthread_attr_t()
      unsafe pthread_attr_init(&attributes)
      defer { unsafe pthread_attr_destroy(&attributes) }
      unsafe pthread_attr_setstacksize(&attributes, byteCount)
      let call = unsafe Unmanaged.passRetained(Call(work))
      var thread = pthread_t()
      let code = unsafe pthread_create(
        &thread, &attributes,
        { context in
          if let context = unsafe context { unsafe Unmanaged<Call>.fromOpaque(context).takeUnretainedValue().work() }
          return nil
        }, call.toOpaque())
      if code == 0 { pthread_join(thread, nil) }
      unsafe call.release()
    }
    return result
  }

  /// The same for code that may fail; on the caller's stack when the system has no thread to give.
  package static func run<Result, Failure: Error>(throwing body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let outcome = run { () -> Swift.Result<Result, Failure> in
      do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
    }
    guard let outcome else { return try body() }
    return try outcome.get()
  }

  private final class Call {
    let work: () -> Void
    init(_ work: @escaping () -> Void) { self.work = work }
  }
}
