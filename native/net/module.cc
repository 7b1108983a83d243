#include "net/module.h"

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "job.h"
#include "net/heads.h"
#include "net/orders.h"
#include "net/receive.h"
#include "net/send.h"
#include "net/task.h"

namespace petrig::net {

namespace {

std::string text(const Napi::Object& o, const char* key) { return o.Get(key).As<Napi::String>().Utf8Value(); }

std::string bytes(const Napi::Object& o, const char* key) {
  const auto span = typedSpan<uint8_t>(o, key);
  return {reinterpret_cast<const char*>(span.data()), span.size()};
}

/// The bytes of an array of them, one after the other.
std::string pieces(const Napi::Object& o, const char* key) {
  const auto list = o.Get(key).As<Napi::Array>();
  std::string all;
  size_t size = 0;
  for (uint32_t i = 0; i < list.Length(); ++i) size += list.Get(i).As<Napi::Uint8Array>().ByteLength();
  all.reserve(size);
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const auto piece = list.Get(i).As<Napi::Uint8Array>();
    all.append(reinterpret_cast<const char*>(piece.Data()), piece.ByteLength());
  }
  return all;
}

Napi::Value buffer(Napi::Env env, std::string_view content) {
  return Napi::Buffer<char>::Copy(env, content.data(), content.size());
}

SendJob readJob(const Napi::Object& o) {
  return {text(o, "path"),
          static_cast<uint64_t>(number(o, "offset")),
          static_cast<uint64_t>(number(o, "length")),
          static_cast<uint8_t>(integer(o, "contextId")),
          static_cast<uint16_t>(integer(o, "messageId")),
          bytes(o, "command")};
}

/// The last thing told of a connection: how it is given back.
Napi::Object given(Napi::Env env, const SendEnd& end) {
  auto result = Napi::Object::New(env);
  result.Set("why", static_cast<int>(end.why));
  result.Set("job", static_cast<double>(end.job));
  result.Set("begun", end.begun);
  result.Set("whole", end.whole);
  result.Set("atBoundary", end.atBoundary);
  result.Set("error", end.error);
  result.Set("unread", buffer(env, end.unread));
  return result;
}

/// netSend(fd, jobs, limits, callback): callback(job, command) for each response, callback(end) last. @return cancel()
Napi::Value send(const Napi::CallbackInfo& info) {
  const auto list = info[1].As<Napi::Array>();
  const auto bounds = info[2].As<Napi::Object>();
  std::vector<SendJob> jobs;
  for (uint32_t i = 0; i < list.Length(); ++i) jobs.push_back(readJob(list.Get(i).As<Napi::Object>()));
  const SendLimits limits{static_cast<uint32_t>(number(bounds, "pduLength")), integer(bounds, "silenceMs"),
                          integer(bounds, "responseMs")};
  auto fd = std::make_shared<Owned>(duplicate(info[0].As<Napi::Number>().Int32Value()));
  return Task::start(info.Env(), info[3].As<Napi::Function>(), [fd, jobs = std::move(jobs), limits](Task& task) {
    Line line(std::move(*fd), task.cancel(), limits.silenceMs);
    const auto onAnswer = [&task](size_t job, std::string_view command) {
      task.tell([job, command = std::string(command)](Napi::Env env) -> std::vector<napi_value> {
        return {Napi::Number::New(env, static_cast<double>(job)), buffer(env, command)};
      });
    };
    SendEnd end;
    try {
      end = sendFiles(jobs, limits, line, onAnswer);
    } catch (const std::exception&) {  // no memory: where the message stands is not known
      end = SendEnd{.why = Stop::closed, .atBoundary = false, .unread = {}};
    }
    task.tell([end](Napi::Env env) -> std::vector<napi_value> { return {given(env, end)}; });
  });
}

Framing readFraming(const Napi::Object& o) {
  return {static_cast<uint32_t>(number(o, "pdvLeft")), o.Get("last").As<Napi::Boolean>().Value(),
          static_cast<uint32_t>(number(o, "bodyLeft"))};
}

Napi::Object received(Napi::Env env, const ReceiveEnd& end) {
  auto result = Napi::Object::New(env);
  result.Set("why", static_cast<int>(end.why));
  result.Set("size", static_cast<double>(end.size));
  result.Set("sha256", end.checksum);
  result.Set("error", end.error);
  result.Set("pdvLeft", end.framing.pdvLeft);
  result.Set("last", end.framing.last);
  result.Set("bodyLeft", end.framing.bodyLeft);
  result.Set("unread", buffer(env, end.unread));
  result.Set("stays", end.stays);
  return result;
}

ReceiveJob readReceiveJob(const Napi::Object& o) {
  return {text(o, "path"),
          SinkOptions{text(o, "temporary"), static_cast<uint64_t>(number(o, "prepared")), o.Get("hash").As<Napi::Boolean>().Value()},
          pieces(o, "begin"),
          readFraming(o),
          static_cast<uint8_t>(integer(o, "contextId")),
          static_cast<uint32_t>(number(o, "maxPdu")),
          static_cast<uint64_t>(number(o, "room")),
          integer(o, "silenceMs"),
          o.Get("stay").As<Napi::Boolean>().Value()};
}

/// What the callback of netReceive is told of.
enum class Told { file = 0, ahead = 1, back = 2 };

void tellFile(Task& task, const ReceiveEnd& end) {
  task.tell([end](Napi::Env env) -> std::vector<napi_value> {
    return {Napi::Number::New(env, static_cast<int>(Told::file)), received(env, end)};
  });
}

void tellBytes(Task& task, Told what, std::string bytes) {
  task.tell([what, bytes = std::move(bytes)](Napi::Env env) -> std::vector<napi_value> {
    return {Napi::Number::New(env, static_cast<int>(what)), buffer(env, bytes)};
  });
}

/// Puts one dataset after the other into files, until the connection is wanted back or something else comes.
void receiveAll(Task& task, Line& line, Orders& orders, ReceiveJob job) {
  DatasetReader reader(line);
  for (;;) {
    const ReceiveEnd end = reader.file(job);
    tellFile(task, end);
    if (!end.stays) return;
    Ahead ahead = reader.ahead(job.maxPdu);
    tellBytes(task, ahead.large ? Told::ahead : Told::back, std::move(ahead.bytes));
    if (!ahead.large) return;
    if (!reader.readUntil(orders.fd())) {
      tellBytes(task, Told::back, reader.unread());
      return;
    }
    job = orders.take();
  }
}

/**
 * netReceive(fd, job, callback) -> { next(job), cancel() }. callback(0, end) when a file has ended; then, if the thread stays,
 * callback(1, bytes) when the next dataset is large, which waits for next(job), or callback(2, bytes) with what was read when it lets go.
 */
Napi::Value receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto fd = std::make_shared<Owned>(duplicate(info[0].As<Napi::Number>().Int32Value()));
  auto orders = std::make_shared<Orders>();
  const auto first = std::make_shared<const ReceiveJob>(readReceiveJob(info[1].As<Napi::Object>()));
  const auto cancel = Task::start(env, info[2].As<Napi::Function>(), [fd, orders, first](Task& task) {
    Line line(std::move(*fd), task.cancel(), first->silenceMs);
    try {
      receiveAll(task, line, *orders, *first);
    } catch (const std::exception&) {  // no memory
      tellFile(task, ReceiveEnd{.why = Stop::file, .checksum = {}, .error = ENOMEM, .framing = {}, .unread = {}});
    }
  });
  auto result = Napi::Object::New(env);
  result.Set("cancel", cancel);
  // a thread that has let go takes its descriptors along, whenever the garbage collector comes
  result.Set("next", Napi::Function::New(env, [weak = std::weak_ptr<Orders>(orders)](const Napi::CallbackInfo& call) {
               if (const auto alive = weak.lock()) alive->put(readReceiveJob(call[0].As<Napi::Object>()));
             }));
  return result;
}

/// readHeads({ paths, bytes, sizes }, control, threads)
Napi::Value heads(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto list = o.Get("paths").As<Napi::Array>();
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < list.Length(); ++i) paths.push_back(list.Get(i).As<Napi::String>().Utf8Value());
  return startKernel(info, [paths = std::move(paths), into = typedSpan<uint8_t>(o, "bytes"),
                            sizes = typedSpan<double>(o, "sizes")](const JobControl&) { readHeads(paths, into, sizes); });
}

/// Exceptions of the system become JavaScript's.
template <Napi::Value (*Function)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return Function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

}  // namespace

void registerModule(Napi::Env env, Napi::Object exports) {
  exports.Set("netSend", Napi::Function::New(env, guarded<send>));
  exports.Set("netReceive", Napi::Function::New(env, guarded<receive>));
  exports.Set("readHeads", Napi::Function::New(env, heads));
}

}  // namespace petrig::net
