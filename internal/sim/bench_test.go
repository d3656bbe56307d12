package sim

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/grovecloud/grove/bambu"
)

// BenchmarkMergeByModel merges what each model reports in the midst of a print: all
// of it, and what a tick changes. The reference reads the same into maps.
func BenchmarkMergeByModel(b *testing.B) {
	for _, model := range bambu.Models() {
		m := newTestMachine(b, Config{Model: model.Code, Begin: BeginPrinting, Log: slog.New(slog.DiscardHandler)})
		m.tick(time.Now())
		full := m.report.everything(m)
		m.report.periodic()
		m.tick(time.Now().Add(time.Second))
		for name, report := range map[string][]byte{"full": full, "tick": m.report.periodic()} {
			if report == nil {
				continue
			}
			b.Run(model.Code+"/"+name, func(b *testing.B) {
				s := bambu.NewState()
				if _, err := s.Merge(full); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(report)))
				for b.Loop() {
					if _, err := s.Merge(report); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(model.Code+"/"+name+" into maps", func(b *testing.B) {
				for b.Loop() {
					var into map[string]any
					if err := json.Unmarshal(report, &into); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
