// SPDX-License-Identifier: GPL-2.0
/*
 * A dma-buf heap whose buffers have two copies, one for the CPU and one for devices
 *
 * On a machine with coherent caches a missing DMA_BUF_IOCTL_SYNC does no harm,
 * so no test notices that it is missing. Here it does: what user space maps is
 * one copy, what importers attach to or map into the kernel is the other one,
 * and only the two halves of a CPU access move the content between them, each
 * in the direction that the caller states:
 *
 *	START with READ		device copy -> CPU copy
 *	END with WRITE		CPU copy -> device copy
 *
 * A reader without START sees an old picture, a writer without END shows one,
 * and so does an access that states the wrong direction.
 *
 * Importers that map a buffer into the kernel count as devices: vivid, vim2m
 * and vkms read and write by memcpy where hardware would use DMA.
 *
 * What it cannot show:
 * - A real cache may write a line back, or fetch one, at any time. Here the CPU
 *   copy changes only when the CPU writes it or an access starts, so a START
 *   that is late, or an END that is early, but in the stated direction, shows
 *   only if it is outside of the access.
 * - Lines: the content moves as a whole, so a writer that states WRITE alone and
 *   leaves a part of the buffer as it was puts back what it last saw there.
 * - An importer in the kernel that starts CPU accesses of its own on top of its
 *   mapping, as some drivers of USB displays do: it would read the device copy,
 *   yet have the CPU copy moved over it.
 *
 * The parameter "skip" (none, begin, end) makes the heap ignore one half of all
 * accesses. It stands for a program without that half, and can be changed at any
 * time in /sys/module/shadow_heap/parameters.
 *
 * A heap cannot be taken away again, so the module cannot be unloaded.
 */

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/vmalloc.h>

/* The half of a CPU access that moves nothing */
enum skipped {
	SKIP_NONE,
	SKIP_BEGIN,
	SKIP_END,
};

static const char * const skip_names[] = {
	[SKIP_NONE] = "none",
	[SKIP_BEGIN] = "begin",
	[SKIP_END] = "end",
};

static int skip = SKIP_NONE;

static int skip_set(const char *value, const struct kernel_param *kp)
{
	int index = sysfs_match_string(skip_names, value);

	if (index < 0)
		return index;
	WRITE_ONCE(skip, index);
	return 0;
}

static int skip_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", skip_names[READ_ONCE(skip)]);
}

static const struct kernel_param_ops skip_ops = {
	.set = skip_set,
	.get = skip_get,
};

module_param_cb(skip, &skip_ops, NULL, 0644);
MODULE_PARM_DESC(skip, "The half of CPU accesses that moves nothing: none (default), begin or end");

/* One dma-buf of the heap */
struct shadow_buffer {
	unsigned long page_count;	/* in each of the copies */
	struct page **cpu;		/* what user space maps */
	struct page **device;		/* what importers see */
	struct mutex lock;		/* for moves, vmap_count and vaddr */
	unsigned int vmap_count;	/* importers with a kernel mapping */
	void *vaddr;			/* the kernel mapping, of device */
};

static void free_copy(struct page **pages, unsigned long count)
{
	unsigned long i;

	if (!pages)
		return;
	for (i = 0; i < count && pages[i]; i++)
		__free_page(pages[i]);
	kvfree(pages);
}

/* Zeroed, as all memory from heaps is; single pages, so a copy is scattered. */
static struct page **alloc_copy(unsigned long count)
{
	/* A lack of memory is the caller's to hear of, not the OOM killer's. */
	gfp_t gfp = GFP_HIGHUSER | __GFP_ZERO | __GFP_RETRY_MAYFAIL |
		    __GFP_NOWARN;
	struct page **pages;
	unsigned long i;

	if (mem_accounting)
		gfp |= __GFP_ACCOUNT;
	pages = kvcalloc(count, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return NULL;

	for (i = 0; i < count; i++) {
		if (!fatal_signal_pending(current))
			pages[i] = alloc_page(gfp);
		if (!pages[i]) {
			free_copy(pages, count);
			return NULL;
		}
	}
	return pages;
}

static void shadow_buffer_free(struct shadow_buffer *buffer)
{
	free_copy(buffer->cpu, buffer->page_count);
	free_copy(buffer->device, buffer->page_count);
	mutex_destroy(&buffer->lock);
	kfree(buffer);
}

static void move(struct shadow_buffer *buffer, struct page **to,
		 struct page **from)
{
	unsigned long i;

	mutex_lock(&buffer->lock);
	for (i = 0; i < buffer->page_count; i++)
		copy_highpage(to[i], from[i]);
	mutex_unlock(&buffer->lock);
}

static int shadow_begin_cpu_access(struct dma_buf *dmabuf,
				   enum dma_data_direction direction)
{
	struct shadow_buffer *buffer = dmabuf->priv;

	if (direction != DMA_TO_DEVICE && READ_ONCE(skip) != SKIP_BEGIN)
		move(buffer, buffer->cpu, buffer->device);
	return 0;
}

static int shadow_end_cpu_access(struct dma_buf *dmabuf,
				 enum dma_data_direction direction)
{
	struct shadow_buffer *buffer = dmabuf->priv;

	if (direction != DMA_FROM_DEVICE && READ_ONCE(skip) != SKIP_END)
		move(buffer, buffer->device, buffer->cpu);
	return 0;
}

static int shadow_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct shadow_buffer *buffer = dmabuf->priv;
	unsigned long count = vma_pages(vma);
	unsigned long i;
	int ret;

	/* The core has checked that the range lies within the buffer. */
	for (i = 0; i < count; i++) {
		ret = remap_pfn_range(vma, vma->vm_start + i * PAGE_SIZE,
				      page_to_pfn(buffer->cpu[vma->vm_pgoff + i]),
				      PAGE_SIZE, vma->vm_page_prot);
		if (ret)
			return ret;
	}
	return 0;
}

static struct sg_table *shadow_map_dma_buf(struct dma_buf_attachment *attachment,
					   enum dma_data_direction direction)
{
	struct shadow_buffer *buffer = attachment->dmabuf->priv;
	struct sg_table *table;
	int ret;

	table = kzalloc_obj(*table);
	if (!table)
		return ERR_PTR(-ENOMEM);

	ret = sg_alloc_table_from_pages(table, buffer->device,
					buffer->page_count, 0,
					attachment->dmabuf->size, GFP_KERNEL);
	if (ret)
		goto free_table;

	ret = dma_map_sgtable(attachment->dev, table, direction, 0);
	if (ret)
		goto free_list;
	return table;

free_list:
	sg_free_table(table);
free_table:
	kfree(table);
	return ERR_PTR(ret);
}

static void shadow_unmap_dma_buf(struct dma_buf_attachment *attachment,
				 struct sg_table *table,
				 enum dma_data_direction direction)
{
	dma_unmap_sgtable(attachment->dev, table, direction, 0);
	sg_free_table(table);
	kfree(table);
}

static int shadow_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct shadow_buffer *buffer = dmabuf->priv;
	int ret = 0;

	mutex_lock(&buffer->lock);
	if (!buffer->vmap_count)
		buffer->vaddr = vmap(buffer->device, buffer->page_count,
				     VM_MAP, PAGE_KERNEL);
	if (buffer->vaddr) {
		buffer->vmap_count++;
		iosys_map_set_vaddr(map, buffer->vaddr);
	} else {
		ret = -ENOMEM;
	}
	mutex_unlock(&buffer->lock);
	return ret;
}

static void shadow_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct shadow_buffer *buffer = dmabuf->priv;

	mutex_lock(&buffer->lock);
	if (!--buffer->vmap_count) {
		vunmap(buffer->vaddr);
		buffer->vaddr = NULL;
	}
	mutex_unlock(&buffer->lock);
	iosys_map_clear(map);
}

static void shadow_release(struct dma_buf *dmabuf)
{
	shadow_buffer_free(dmabuf->priv);
}

static const struct dma_buf_ops shadow_buffer_ops = {
	.map_dma_buf = shadow_map_dma_buf,
	.unmap_dma_buf = shadow_unmap_dma_buf,
	.begin_cpu_access = shadow_begin_cpu_access,
	.end_cpu_access = shadow_end_cpu_access,
	.mmap = shadow_mmap,
	.vmap = shadow_vmap,
	.vunmap = shadow_vunmap,
	.release = shadow_release,
};

static struct dma_buf *shadow_allocate(struct dma_heap *heap, unsigned long len,
				       u32 fd_flags, u64 heap_flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct shadow_buffer *buffer;
	struct dma_buf *dmabuf;

	if (len >> PAGE_SHIFT > totalram_pages() / 2)
		return ERR_PTR(-ENOMEM);

	buffer = kzalloc_obj(*buffer);
	if (!buffer)
		return ERR_PTR(-ENOMEM);

	mutex_init(&buffer->lock);
	buffer->page_count = len >> PAGE_SHIFT;
	buffer->cpu = alloc_copy(buffer->page_count);
	buffer->device = alloc_copy(buffer->page_count);
	if (!buffer->cpu || !buffer->device) {
		shadow_buffer_free(buffer);
		return ERR_PTR(-ENOMEM);
	}

	exp_info.exp_name = dma_heap_get_name(heap);
	exp_info.ops = &shadow_buffer_ops;
	exp_info.size = len;
	exp_info.flags = fd_flags;
	exp_info.priv = buffer;
	dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(dmabuf))
		shadow_buffer_free(buffer);
	return dmabuf;
}

static const struct dma_heap_ops shadow_heap_ops = {
	.allocate = shadow_allocate,
};

static int __init shadow_heap_init(void)
{
	struct dma_heap_export_info exp_info = {
		.name = "shadow",
		.ops = &shadow_heap_ops,
	};

	return PTR_ERR_OR_ZERO(dma_heap_add(&exp_info));
}
module_init(shadow_heap_init);

MODULE_DESCRIPTION("dma-buf heap that shows missing CPU access calls");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("DMA_BUF_HEAP");
