package model

import (
	"errors"
	"math"
)

const none32 = int32(-1)

// tree cuts the box around its points at random, and the boxes around the two halves again.
type tree struct {
	dimensions int
	nodes      []node
	boxes      []float32 // of each node the lower and the upper corner
	free       []int32
	kept       []int32 // leaves in the order of their places, several for points that are the same
	root       int32
}

type node struct {
	parent, left, right int32
	mass                int32
	axis                int32
	cut                 float32
}

func (t *tree) box(i int32) (lo, hi []float32) {
	d := int32(t.dimensions) //nolint:gosec // at most 64
	b := t.boxes[2*i*d : 2*(i+1)*d]
	return b[:d], b[d:]
}

func (t *tree) add(n node) int32 {
	if k := len(t.free); k > 0 {
		i := t.free[k-1]
		t.free = t.free[:k-1]
		t.nodes[i] = n
		return i
	}
	t.nodes = append(t.nodes, n)
	t.boxes = append(t.boxes, make([]float32, 2*t.dimensions)...)
	return int32(len(t.nodes) - 1) //nolint:gosec // at most twice the points
}

func (t *tree) leaf(x []float32, parent int32) int32 {
	i := t.add(node{parent: parent, left: none32, right: none32, mass: 1})
	lo, hi := t.box(i)
	copy(lo, x)
	copy(hi, x)
	return i
}

// growth is by how much the sides of a box grow to contain x, and their sum with it.
func (t *tree) growth(i int32, x []float32) (more, sum float64) {
	lo, hi := t.box(i)
	for k, v := range x {
		side := float64(hi[k]) - float64(lo[k])
		grown := float64(max(hi[k], v)) - float64(min(lo[k], v))
		more += grown - side
		sum += grown
	}
	return more, sum
}

// insert puts in a point, so that the tree is one that could have been drawn with it from the start.
func (t *tree) insert(x []float32, r *random) int32 {
	if t.root == none32 {
		t.root = t.leaf(x, none32)
		return t.root
	}
	at := t.root
	for {
		n := &t.nodes[at]
		more, sum := t.growth(at, x)
		if n.left == none32 && more == 0 {
			t.weigh(at, 1)
			return at
		}
		if more > 0 {
			if axis, cut, apart := t.draw(at, x, r.float()*sum); apart {
				return t.split(at, x, axis, cut)
			}
		}
		if n.left == none32 {
			// Rounding has the cut not part two points that differ: they are taken as one.
			t.weigh(at, 1)
			return at
		}
		if x[n.axis] <= n.cut {
			at = n.left
		} else {
			at = n.right
		}
	}
}

// draw finds the cut at a way along all sides of the box with x, and whether it parts x from the box.
func (t *tree) draw(at int32, x []float32, way float64) (axis int32, cut float32, apart bool) {
	lo, hi := t.box(at)
	for k, v := range x {
		low, high := min(lo[k], v), max(hi[k], v)
		side := float64(high) - float64(low)
		if way > side {
			way -= side
			continue
		}
		cut = float32(float64(low) + way)
		if cut >= high {
			cut = math.Nextafter32(high, low)
		}
		return int32(k), cut, v <= cut && lo[k] > cut || v > cut && hi[k] <= cut //nolint:gosec // at most 64
	}
	return 0, 0, false
}

// split puts a node above another, with x beside it.
func (t *tree) split(at int32, x []float32, axis int32, cut float32) int32 {
	parent := t.nodes[at].parent
	i := t.add(node{parent: parent, axis: axis, cut: cut, mass: t.nodes[at].mass})
	leaf := t.leaf(x, i)
	lo, hi := t.box(i)
	l, h := t.box(at)
	copy(lo, l)
	copy(hi, h)
	n := &t.nodes[i]
	n.left, n.right = at, leaf
	if x[axis] <= cut {
		n.left, n.right = leaf, at
	}
	t.nodes[at].parent = i
	t.replace(parent, at, i)
	for ; i != none32; i = t.nodes[i].parent {
		t.nodes[i].mass++
		lo, hi := t.box(i)
		for k, v := range x {
			lo[k], hi[k] = min(lo[k], v), max(hi[k], v)
		}
	}
	return leaf
}

// replace has a parent, or the tree, have another child.
func (t *tree) replace(parent, old, child int32) {
	switch {
	case parent == none32:
		t.root = child
	case t.nodes[parent].left == old:
		t.nodes[parent].left = child
	default:
		t.nodes[parent].right = child
	}
}

func (t *tree) weigh(at, by int32) {
	for ; at != none32; at = t.nodes[at].parent {
		t.nodes[at].mass += by
	}
}

// remove takes out a point of a leaf.
func (t *tree) remove(leaf int32) {
	if t.nodes[leaf].mass > 1 {
		t.weigh(leaf, -1)
		return
	}
	parent := t.nodes[leaf].parent
	t.free = append(t.free, leaf)
	if parent == none32 {
		t.root = none32
		return
	}
	sibling := t.nodes[parent].left
	if sibling == leaf {
		sibling = t.nodes[parent].right
	}
	above := t.nodes[parent].parent
	t.nodes[sibling].parent = above
	t.replace(above, parent, sibling)
	t.free = append(t.free, parent)
	for at := above; at != none32; at = t.nodes[at].parent {
		t.nodes[at].mass--
		t.fit(at)
	}
}

// fit has the box of a node be that around its children.
func (t *tree) fit(at int32) {
	lo, hi := t.box(at)
	a, b := t.box(t.nodes[at].left)
	c, d := t.box(t.nodes[at].right)
	for k := range lo {
		lo[k], hi[k] = min(a[k], c[k]), max(b[k], d[k])
	}
}

// score is about 1 for an ordinary point, and more for one that is cut off early.
func (t *tree) score(x []float32) float64 {
	at, depth := t.root, 0.
	for t.nodes[at].left != none32 {
		n := &t.nodes[at]
		at = n.right
		if x[n.axis] <= n.cut {
			at = n.left
		}
		depth++
	}
	total := float64(t.nodes[t.root].mass)
	s := 1 / (depth + 1)
	if more, _ := t.growth(at, x); more == 0 {
		mass := float64(t.nodes[at].mass)
		s = (1 - mass/(2*total)) / (depth + math.Log2(mass+1))
		return s * math.Log2(total+1)
	}
	for at = t.nodes[at].parent; at != none32; at = t.nodes[at].parent {
		depth--
		more, sum := t.growth(at, x)
		if more == 0 {
			break
		}
		p := more / sum
		s = p/(depth+1) + (1-p)*s
	}
	return s * math.Log2(total+1)
}

func (t *tree) layout(l *layout, points int) {
	n, free, kept := len(t.nodes), len(t.free), len(t.kept)
	l.count(&n, 2*points+2)
	l.count(&free, 2*points+2)
	l.count(&kept, points)
	if l.reading {
		t.nodes, t.free, t.kept = make([]node, n), make([]int32, free), make([]int32, kept)
		t.boxes = make([]float32, 2*n*t.dimensions)
	}
	index := func(v *int32) {
		u := uint32(*v) //nolint:gosec // the same bits
		l.uint32(&u)
		*v = int32(u) //nolint:gosec // the same bits
		if (*v < none32 || int(*v) >= n) && l.err == nil {
			l.err = errors.New("a node is not of the tree")
		}
	}
	for i := range t.nodes {
		d := &t.nodes[i]
		index(&d.parent)
		index(&d.left)
		index(&d.right)
		mass, axis := int(d.mass), int(d.axis)
		l.count(&mass, points)
		l.count(&axis, t.dimensions-1)
		d.mass, d.axis = int32(mass), int32(axis) //nolint:gosec // bounded
		l.small(&d.cut)
	}
	l.smalls(t.boxes)
	for i := range t.free {
		index(&t.free[i])
	}
	for i := range t.kept {
		index(&t.kept[i])
	}
	index(&t.root)
}
