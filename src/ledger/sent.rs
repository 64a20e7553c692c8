//! The ids of `crate::ids` as parameters and columns of statements.

use crate::ids::{BatchId, ExecutionId, ExtractionId, Fence, LakeId, ObjectId, ObjectNo, RejectId, WindowId};

crate::pg::sent_as! {
    BatchId: i64 => INT8, INT8_ARRAY;
    ObjectId: i64 => INT8, INT8_ARRAY;
    ExtractionId: i64 => INT8, INT8_ARRAY;
    WindowId: i64 => INT8, INT8_ARRAY;
    RejectId: i64 => INT8, INT8_ARRAY;
    LakeId: i32 => INT4, INT4_ARRAY;
    ExecutionId: uuid::Uuid => UUID, UUID_ARRAY;
    Fence: i32 => INT4, INT4_ARRAY;
    ObjectNo: i32 => INT4, INT4_ARRAY;
}
