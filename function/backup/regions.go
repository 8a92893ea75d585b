package backup

import "sync"

// Regions keeps something for each region that the process works in. It moves to package adb.
type Regions[T any] struct {
	mu   sync.Mutex
	kept map[string]*T
}

// Get returns what is kept for a region. If there is nothing, create makes it.
func (r *Regions[T]) Get(name string, create func(name string) (*T, error)) (*T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[name] != nil {
		return r.kept[name], nil
	}
	created, err := create(name)
	if err != nil {
		return nil, err
	}
	if r.kept == nil || len(r.kept) == 1000 {
		r.kept = map[string]*T{}
	}
	r.kept[name] = created
	return created, nil
}
