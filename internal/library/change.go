package library

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
)

// Change is what is to be different about a file; nil leaves it.
type Change struct {
	Name *string
	Tags *[]string
}

// Change renames a stored file or files it under other tags. A name must be one that
// FAT32, with which printers format their cards, takes as well, and keep its ending:
// Invalid file_name. More than 20 tags, or one beyond 40 characters: Invalid tags.
func (l *Library) Change(ctx context.Context, actor grove.Actor, id string, c Change) (grove.File, error) {
	f, err := l.File(ctx, actor, id)
	if err != nil {
		return grove.File{}, err
	}
	if f.State != grove.Stored {
		return grove.File{}, noFile(id)
	}
	if c.Name != nil {
		if err := checkName(*c.Name, f.Kind); err != nil {
			return grove.File{}, err
		}
	}
	if c.Tags != nil {
		if *c.Tags, err = grove.CheckTags(*c.Tags); err != nil {
			return grove.File{}, err
		}
	}
	f, err = l.Records.UpdateFile(ctx, id, func(f *grove.File) error {
		if c.Name != nil {
			f.Name = *c.Name
		}
		if c.Tags != nil {
			f.Tags = *c.Tags
		}
		return nil
	}, actor.Did("file.change", f.ID+" "+f.Name))
	if err != nil {
		return grove.File{}, fmt.Errorf("change file: %w", err)
	}
	return f, nil
}

// Kin says how files of one owner stand to the stored ones of that owner, by id. What
// is awaited counts by the digest that was announced.
func (l *Library) Kin(ctx context.Context, files ...grove.File) (map[string]grove.FileKin, error) {
	if len(files) == 0 {
		return nil, nil
	}
	files = slices.Clone(files)
	for i, f := range files {
		if f.State == grove.Awaiting {
			files[i].SHA256 = f.WantSHA
		}
	}
	kin, err := l.Records.FileKin(ctx, files[0].OwnerID, files)
	if err != nil {
		return nil, fmt.Errorf("compare files: %w", err)
	}
	return kin, nil
}

// Versions lists the actor's stored files that have the name of this one, itself
// included, newest first.
func (l *Library) Versions(ctx context.Context, actor grove.Actor, id string, page grove.Page) (grove.List[grove.File], error) {
	f, err := l.File(ctx, actor, id)
	if err == nil && f.State != grove.Stored {
		err = noFile(id)
	}
	if err != nil {
		return grove.List[grove.File]{}, err
	}
	return l.stored(ctx, grove.FileFilter{OwnerID: f.OwnerID, Name: f.Name}, page)
}

// checkName refuses a name that would be another, or none, on the card of a printer
// or on somebody's disk, and one that says another kind than the content is of.
func checkName(name, kind string) error {
	why := ""
	said, ok := printfile.Kind(name)
	switch {
	case name == "" || CleanName(name) != name:
		why = fmt.Sprintf("must be a name of at most %d bytes, without a path, control characters and spaces around it", maxName)
	case strings.ContainsAny(name, `"*:<>?|`):
		why = `must have none of " * : < > ? | since the cards of printers take none of these`
	case !ok || kind != "" && said != kind:
		why = "must keep its ending, which says what the file is"
	case strings.Trim(strings.TrimSuffix(name, ending(name)), ". ") == "":
		why = "must have something before its ending"
	}
	if why == "" {
		return nil
	}
	err := grove.Errorf(grove.Invalid, ReasonNameWrong, "the name %.80q can't be taken: it %s", name, why)
	err.Fields = map[string]string{"name": why}
	return err
}
