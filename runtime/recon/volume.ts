/** A reconstructed volume in patient coordinates (LPS, mm). */
export interface Volume {
  /** [z][y][x]; rows run along +x (patient left), columns along +y (posterior), slices along +z (head). */
  data: Float32Array;
  /** Voxels along x, y, z. */
  size: [number, number, number];
  /** Distance of voxel centres along x, y, z, mm. */
  spacing: [number, number, number];
  /** Centre of voxel (0, 0, 0), patient mm. */
  origin: [number, number, number];
  /** As Units (0054,1001) writes those of PET: PROPCPS is proportional to counts a second. */
  unit: 'HU' | 'BQML' | 'PROPCPS' | '1/mm';
}
