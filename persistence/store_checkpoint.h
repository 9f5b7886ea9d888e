#pragma once

#include <memory>
#include <string_view>

#include "persistence/offset.h"
#include "persistence/status.h"
#include "persistence/store_label.h"

namespace stele {

class Store;

/// What another thread writes of a checkpoint: keys of a range that nobody else puts into. Threads: one at a time, each part
/// another one if you like. It must not outlive the writer that began it.
class CheckpointPart {
 public:
  CheckpointPart(CheckpointPart&&) noexcept;
  CheckpointPart& operator=(CheckpointPart&&) noexcept;
  ~CheckpointPart();

  /// As the writer's.
  Status put(std::string_view key, std::string_view value);
  void put_expire(UnixTime at, std::string_view object_key);
  /// Syncs its files; nothing may be put after it.
  Status seal();

 private:
  friend class CheckpointWriter;
  struct Files;
  explicit CheckpointPart(std::unique_ptr<Files> files);

  std::unique_ptr<Files> files_;
};

/// Brings the store from the state at one offset to the state at a later one.
///
///     begin_checkpoint ──► put, erase, put_expire, erase_expire ──► finish ──ok──► the new state, with its label
///                             │ error, or destroyed unfinished         │ error
///                             └──────────► the old state ◄─────────────┘     temporary files are removed
///
/// What is put goes to sorted files in <dir>/ingest/, which finish() moves into place. Nobody sees any of it before.
/// One thread at a time, and not the executor: every call may wait for the disk. It must not outlive the store.
class CheckpointWriter {
 public:
  CheckpointWriter(CheckpointWriter&&) noexcept;
  CheckpointWriter& operator=(CheckpointWriter&&) noexcept;
  ~CheckpointWriter();

  /// Keys in strictly ascending order, puts and erasures together; `invalid` if not. Erasing what is not there is
  /// allowed. After an error every later call returns it too.
  Status put(std::string_view key, std::string_view value);
  Status erase(std::string_view key);

  /// In any order; they are kept in memory and sorted by finish(). Of several about the same entry the last counts.
  /// `at` is not negative.
  void put_expire(UnixTime at, std::string_view object_key);
  void erase_expire(UnixTime at, std::string_view object_key);

  /// For other threads to write at the same time. join() makes a part belong to this checkpoint: in the order of their keys,
  /// and then nothing is put into the writer itself.
  CheckpointPart begin_part();
  Status join(CheckpointPart part);

  /// Syncs the files and ingests them into all column families at once, label included. Once ok, the checkpoint
  /// survives a power cut; until then it is not there at all. `exhausted` if the disk is full: nothing changed, and
  /// the next checkpoint works once there is space, unless it
  /// was the MANIFEST that could not be written (then begin_checkpoint() says that a restart is needed). Called once.
  Status finish(const Label& label);

 private:
  friend class Store;
  struct Files;
  explicit CheckpointWriter(std::unique_ptr<Files> files);

  std::unique_ptr<Files> files_;
};

}  // namespace stele
