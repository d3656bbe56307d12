package library

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/grovecloud/grove"
)

// Reasons of errors about presets.
const (
	ReasonPresetNotFound = "preset_not_found" // NotFound: also somebody else's
	ReasonPresetType     = "preset_type"      // Invalid: no such type, or not the preset's own
	ReasonPresetVersion  = "preset_version"   // Invalid: not four numbers
	ReasonPresetPublic   = "preset_public"    // Invalid: presets here are private
	ReasonPresetTooLarge = "preset_too_large" // TooLarge
)

// PresetRecords keeps presets.
type PresetRecords interface {
	CreatePreset(ctx context.Context, p grove.Preset, admit func(have int) error, acts ...grove.AuditEntry) (grove.Preset, error)
	Preset(ctx context.Context, id string) (grove.Preset, error)
	Presets(ctx context.Context, ownerID int64) ([]grove.Preset, error)
	UpdatePreset(ctx context.Context, id string, fn func(*grove.Preset) error, acts ...grove.AuditEntry) (grove.Preset, error)
	DeletePreset(ctx context.Context, ownerID int64, id string, acts ...grove.AuditEntry) error
}

// PresetWish is what a slicer says of a preset. Zero fields leave a change's
// preset as it is.
type PresetWish struct {
	Type     grove.PresetType
	Name     string
	Nickname string
	Version  string
	BaseID   string
	Setting  map[string]json.RawMessage
}

// maxPresets is how many presets of each type a person may keep, about as many as
// in the vendor's cloud.
const maxPresets = 100

// maxSetting is how long all that a preset sets may be together, in bytes. Those of
// real slicers have a tenth of that.
const maxSetting = 128 << 10

// CheckVersion holds the version of a slicer's bundle to its form, XX.YY.ZZ.WW.
func CheckVersion(version string) error {
	if !fourNumbers.MatchString(version) {
		return grove.Errorf(grove.Invalid, ReasonPresetVersion, "the version must be four numbers with points between them, such as 02.06.00.00")
	}
	return nil
}

var fourNumbers = regexp.MustCompile(`^\d{1,8}(\.\d{1,8}){3}$`)

// Presets are all of the actor's presets, oldest first.
func (l *Library) Presets(ctx context.Context, actor grove.Actor) ([]grove.Preset, error) {
	owner, err := ownerOf(actor)
	if err != nil {
		return nil, err
	}
	list, err := l.Records.Presets(ctx, owner)
	if err != nil {
		return nil, fmt.Errorf("list presets: %w", err)
	}
	return list, nil
}

// Preset is one of the actor's presets.
func (l *Library) Preset(ctx context.Context, actor grove.Actor, id string) (grove.Preset, error) {
	owner, err := ownerOf(actor)
	if err != nil {
		return grove.Preset{}, err
	}
	p, err := l.Records.Preset(ctx, id)
	switch {
	case errors.Is(err, grove.NotFound), err == nil && p.OwnerID != owner:
		return grove.Preset{}, noPreset(id)
	case err != nil:
		return grove.Preset{}, fmt.Errorf("find preset: %w", err)
	}
	return p, nil
}

func noPreset(id string) error {
	return grove.Errorf(grove.NotFound, ReasonPresetNotFound, "there is no preset %.80q in this account; list the presets for those that there are", id)
}

// CreatePreset keeps a new preset. One too many is Forbidden quota_exhausted.
func (l *Library) CreatePreset(ctx context.Context, actor grove.Actor, w PresetWish) (grove.Preset, error) {
	owner, err := ownerOf(actor)
	if err != nil {
		return grove.Preset{}, err
	}
	if w.Setting == nil {
		w.Setting = map[string]json.RawMessage{}
	}
	family, ok := families[w.Type]
	if !ok {
		return grove.Preset{}, wrongPreset("type", ReasonPresetType, "the type must be print, printer or filament")
	}
	at := now()
	p := grove.Preset{ID: newPresetID(family), OwnerID: owner, CreatedAt: at}
	if err := w.onto(&p); err != nil {
		return grove.Preset{}, err
	}
	p, err = l.Records.CreatePreset(ctx, p, func(have int) error {
		if have < maxPresets {
			return nil
		}
		return grove.Errorf(grove.Forbidden, grove.ReasonQuotaExhausted,
			"this account keeps %d %s presets, which is as many as it may; delete one that is not needed", have, p.Type)
	}, actor.Did("preset.create", p.ID+" "+p.Name))
	if err != nil {
		return grove.Preset{}, fmt.Errorf("create preset: %w", err)
	}
	return p, nil
}

// families begin the ids of presets, by which slicers tell their types.
var families = map[grove.PresetType]string{grove.PrintPreset: "PPUS", grove.FilamentPreset: "PFUS", grove.PrinterPreset: "PMUS"}

func newPresetID(family string) string {
	b := make([]byte, 7)
	_, _ = rand.Read(b) // never fails
	return family + hex.EncodeToString(b)
}

// onto writes the wish into a preset, or says what is wrong with it.
func (w *PresetWish) onto(p *grove.Preset) error {
	if w.Type != "" && p.Type != "" && w.Type != p.Type {
		return wrongPreset("type", ReasonPresetType, "this is a %s preset and stays one; create another for %s", p.Type, w.Type)
	}
	for field, text := range map[string]string{"name": w.Name, "nickname": w.Nickname, "base_id": w.BaseID} {
		if len(text) > maxName || !utf8.ValidString(text) {
			return wrongPreset(field, "bad_text", "%s must be text of at most %d bytes", field, maxName)
		}
	}
	if w.Version != "" {
		if err := CheckVersion(w.Version); err != nil {
			return err
		}
	}
	length := 0
	for key, value := range w.Setting {
		length += len(key) + len(value)
	}
	if length > maxSetting {
		return grove.Errorf(grove.TooLarge, ReasonPresetTooLarge, "the setting has %s, and %s are taken; leave out what the preset it is based on sets", size(int64(length)), size(maxSetting))
	}
	keep(&p.Type, w.Type)
	keep(&p.Name, w.Name)
	keep(&p.Nickname, w.Nickname)
	keep(&p.Version, w.Version)
	keep(&p.BaseID, w.BaseID)
	if w.Setting != nil {
		p.Setting = w.Setting
	}
	p.UpdatedAt = now()
	return nil
}

// keep takes over what is not empty.
func keep[T comparable](into *T, value T) {
	var none T
	if value != none {
		*into = value
	}
}

func wrongPreset(field, reason, format string, args ...any) error {
	err := grove.Errorf(grove.Invalid, reason, format, args...)
	err.Fields = map[string]string{field: err.Message}
	return err
}

// ChangePreset changes one of the actor's presets.
func (l *Library) ChangePreset(ctx context.Context, actor grove.Actor, id string, w PresetWish) (grove.Preset, error) {
	if _, err := l.Preset(ctx, actor, id); err != nil {
		return grove.Preset{}, err
	}
	p, err := l.Records.UpdatePreset(ctx, id, w.onto, actor.Did("preset.change", id))
	if errors.Is(err, grove.NotFound) { // deleted meanwhile
		return grove.Preset{}, noPreset(id)
	}
	if err != nil {
		return grove.Preset{}, fmt.Errorf("change preset: %w", err)
	}
	return p, nil
}

// DeletePreset removes one of the actor's presets. What is not there, or not the
// actor's, is left alone without a word: slicers delete again what is gone.
func (l *Library) DeletePreset(ctx context.Context, actor grove.Actor, id string) error {
	owner, err := ownerOf(actor)
	if err != nil {
		return err
	}
	if err := l.Records.DeletePreset(ctx, owner, id, actor.Did("preset.delete", id)); err != nil {
		return fmt.Errorf("delete preset: %w", err)
	}
	return nil
}
