package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Start is one line of the ledger: the moment a printer began to act on a start
// command. Counting these lines is the proof that a job started at most once.
type Start struct {
	At          time.Time `json:"at"`
	Serial      string    `json:"serial"`
	TaskID      string    `json:"task_id"`
	SubtaskID   string    `json:"subtask_id"`
	File        string    `json:"file"`
	Plate       int       `json:"plate"`        // from 1
	PlateClear  bool      `json:"plate_clear"`  // the physical plate at that moment
	StateBefore string    `json:"state_before"` // gcode_state
}

// Ledger is a file of starts that only grows. Each line is on disk before the
// printer answers. It is safe for many printers at once.
type Ledger struct {
	mu   sync.Mutex
	file *os.File
}

// OpenLedger opens or makes the file at path; lines already there stay.
func OpenLedger(path string) (*Ledger, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return &Ledger{file: f}, nil
}

// Write appends one whole line and waits until it is on disk.
func (l *Ledger) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.file.Write(line)
	if err != nil {
		return n, fmt.Errorf("append to ledger: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return n, fmt.Errorf("sync ledger: %w", err)
	}
	return n, nil
}

// Close closes the file.
func (l *Ledger) Close() error { return l.file.Close() }

// enter writes the line of a start that happens now.
func (m *machine) enter(j *job, now time.Time) error {
	line, err := json.Marshal(Start{
		At: now.UTC().Truncate(time.Millisecond), Serial: m.cfg.Serial,
		TaskID: j.taskID, SubtaskID: j.subtaskID, File: j.file, Plate: j.plate,
		PlateClear: m.plate.clear, StateBefore: m.state,
	})
	if err != nil {
		return fmt.Errorf("encode ledger line: %w", err)
	}
	if _, err := m.cfg.Ledger.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}
